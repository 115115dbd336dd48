"""The SQL of the checker. Each query of a group returns the rows that break one promise."""

from typing import Final

# Work that must end by itself. Deletions that are due later may wait.
STUCK: Final = {
    "photo still pending": """
        SELECT id, attempts, run_after, unavailable_since
        FROM media_mediaresource WHERE status = 'PENDING'
    """,
    "import still running": """
        SELECT id, status FROM bulkupload_bulkuploadjob WHERE status IN ('QUEUED', 'RUNNING')
    """,
    "chunk of an import still waiting": """
        SELECT id, number FROM bulkupload_bulkuploadchunk WHERE status = 'WAITING'
    """,
    "images of an import still waiting": """
        SELECT id, status, pending FROM bulkupload_bulkuploadmediabatch
        WHERE status = 'WAITING' OR pending > 0
    """,
    "photo batch not ended": """
        SELECT id, status FROM bulkupload_photobatch WHERE status IN ('OPEN', 'RUNNING')
    """,
    "file of a photo batch still waiting": """
        SELECT id, path, status FROM bulkupload_photofile
        WHERE status NOT IN ('READY', 'CONFLICT', 'FAILED', 'SKIPPED')
    """,
    "export still running": """
        SELECT id, status FROM exports_exportrun WHERE status IN ('QUEUED', 'RUNNING')
    """,
    "file of an export still waiting": """
        SELECT id, run_id, attempts, waits FROM exports_exportitem WHERE status = 'WAITING'
    """,
    "object not deleted though due": """
        SELECT bucket, key, attempts, last_error FROM media_objectdeletion
        WHERE NOT dead AND (run_after IS NULL OR run_after <= now())
    """,
    "upload still claimed though its photo is ready": """
        SELECT upload.key FROM media_upload AS upload
        JOIN media_mediaresource AS resource ON resource.id = upload.resource_id
        WHERE upload.state = 'CLAIMED' AND resource.status = 'READY'
    """,
    "lease still held": """
        SELECT 'photo' AS row, id FROM media_mediaresource WHERE lease_expires_at > now()
        UNION ALL
        SELECT 'deletion', id FROM media_objectdeletion WHERE lease_expires_at > now()
        UNION ALL
        SELECT 'import', id FROM bulkupload_bulkuploadjob WHERE lease_expires_at > now()
        UNION ALL
        SELECT 'chunk', id FROM bulkupload_bulkuploadchunk WHERE lease_expires_at > now()
        UNION ALL
        SELECT 'images', id FROM bulkupload_bulkuploadmediabatch WHERE lease_expires_at > now()
        UNION ALL
        SELECT 'file of a batch', id FROM bulkupload_photofile WHERE lease_expires_at > now()
        UNION ALL
        SELECT 'export', id FROM exports_exportrun WHERE lease_expires_at > now()
        UNION ALL
        SELECT 'file of an export', id FROM exports_exportitem WHERE lease_expires_at > now()
    """,
    "Idempotency-Key still held": """
        SELECT route, key FROM core_idempotencykey
        WHERE status_code IS NULL AND locked_until > now()
    """,
}
LOST: Final = {
    "photo failed": """
        SELECT id, failure_code, attempts FROM media_mediaresource WHERE status = 'FAILED'
    """,
    "file of an export failed": """
        SELECT id, run_id, failure_code, attempts FROM exports_exportitem WHERE status = 'FAILED'
    """,
    "image of an import failed": """
        SELECT job_id, line, slot FROM bulkupload_bulkuploadmedia
        WHERE status = 'FAILED' OR failed > 0
    """,
    "rows of an import in no chunk or in two": """
        SELECT job.id, job.total_rows, sum(chunk.rows) AS rows
        FROM bulkupload_bulkuploadjob AS job
        LEFT JOIN bulkupload_bulkuploadchunk AS chunk ON chunk.job_id = job.id
        WHERE job.planned_at IS NOT NULL
        GROUP BY job.id HAVING coalesce(sum(chunk.rows), 0) <> job.total_rows
    """,
}
DOUBLED: Final = {
    "two resources with the same bytes and owner": """
        SELECT content_hash, count(*) FROM media_mediaresource WHERE status <> 'FAILED'
        GROUP BY organization_id, CASE WHEN organization_id IS NULL THEN user_id END, content_hash
        HAVING count(*) > 1
    """,
    "two photos in one place": """
        SELECT entity_id, slot, position, count(*) FROM media_attachment
        GROUP BY entity_type, entity_id, slot, position HAVING count(*) > 1
    """,
    "two products of one request": """
        SELECT name, count(*) FROM catalog_product GROUP BY name HAVING count(*) > 1
    """,
    "two products with one SKU": """
        SELECT sku, count(*) FROM catalog_product
        WHERE sku IS NOT NULL AND deleted_at IS NULL
        GROUP BY organization_id, CASE WHEN organization_id IS NULL THEN user_id END, sku
        HAVING count(*) > 1
    """,
    "two imports of one request": """
        SELECT filename, count(*) FROM bulkupload_bulkuploadjob
        GROUP BY filename HAVING count(*) > 1
    """,
    "error of an import twice": """
        SELECT job_id, row, position, count(*) FROM bulkupload_bulkuploadrowerror
        GROUP BY job_id, row, position HAVING count(*) > 1
    """,
    "two photo batches of one request": """
        SELECT name, count(*) FROM bulkupload_photobatch GROUP BY name HAVING count(*) > 1
    """,
    "two files of an export with one name or place": """
        SELECT run_id, lower(name) AS file, count(*) FROM exports_exportitem
        GROUP BY run_id, lower(name) HAVING count(*) > 1
        UNION ALL
        SELECT run_id, position::text, count(*) FROM exports_exportitem
        GROUP BY run_id, position HAVING count(*) > 1
    """,
}
# What nothing would ever clean up.
LEFT_OVER: Final = {
    "deletion given up": "SELECT bucket, key, last_error FROM media_objectdeletion WHERE dead",
    "photo that is attached nowhere and does not expire": """
        SELECT resource.id FROM media_mediaresource AS resource
        LEFT JOIN media_attachment AS attachment ON attachment.resource_id = resource.id
        WHERE attachment.id IS NULL AND resource.unattached_at IS NULL
    """,
    "photo of a product that does not exist": """
        SELECT attachment.id, attachment.entity_id FROM media_attachment AS attachment
        LEFT JOIN catalog_product AS product ON product.id = attachment.entity_id
        WHERE attachment.entity_type = 'PRODUCT' AND product.id IS NULL
    """,
}
