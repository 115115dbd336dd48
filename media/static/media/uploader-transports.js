/**
 * How files get their tickets: one by one for any purpose, or as a photo batch.
 *
 * `prepare` and `getTickets` of a transport return one outcome for each item, in order:
 * `{ ticket }`, `{ refused: sentence }`, `{ existing: fileUrl }` for bytes that the owner already
 * has, or `{}`.
 */

const LOOKUPS_AT_A_TIME = 4;
const PAGE_SIZE = 1000;

/** A failure after which the same request may succeed. */
export class TemporaryError extends Error {
  constructor(message, { seconds, needsTicket = false } = {}) {
    super(message);
    Object.assign(this, { seconds, needsTicket });
  }
}

/** Sends JSON requests. `token` may be asynchronous; after a 401 it is asked for a new one. */
export class Api {
  constructor({ base = "/api/v1", token }) {
    Object.assign(this, { base, token });
  }

  async call(method, path, body, headers = {}) {
    let response = await this.#send(method, path, body, headers, false);
    if (response.status === 401) response = await this.#send(method, path, body, headers, true);
    const content = await response.json().catch(() => ({}));
    if (response.ok) return content;
    const message = sentenceOf(content) ?? `The server answered ${response.status}.`;
    if (response.status !== 429 && response.status < 500) throw new Error(message);
    const seconds = Number(response.headers.get("Retry-After")) || undefined;
    throw new TemporaryError(message, { seconds });
  }

  async #send(method, path, body, headers, isRefused) {
    try {
      return await fetch(this.base + path, {
        method,
        headers: {
          Authorization: `Bearer ${await this.token({ isRefused })}`,
          ...(body && { "Content-Type": "application/json" }),
          ...headers,
        },
        body: body && JSON.stringify(body),
      });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // which is what `fetch` raises
      throw new TemporaryError("There is no connection to the server.");
    }
  }
}

const sentenceOf = ({ detail }) => (Array.isArray(detail) ? detail[0]?.msg : detail);

const ticketOf = (signed) => ({
  url: signed.upload_url,
  headers: signed.upload_headers,
  fileUrl: signed.file_url,
  expiresAt: Date.now() + signed.expires_in_seconds * 1000,
});

const described = ({ path, file, sha256 }) => ({
  filename: path,
  content_type: file.type || "application/octet-stream",
  file_size: file.size,
  sha256,
});

/** Sends files without saying what they are for: the page gets the `fileUrl` of each. */
export class PresignTransport {
  constructor(api, { organizationId = null, folder } = {}) {
    Object.assign(this, { api, organizationId, folder });
  }

  prepare(items) {
    return mapInLanes(items, async ({ sha256 }) => {
      if (!sha256) return {};
      const query = new URLSearchParams({ sha256, status: "ready" });
      if (this.organizationId) query.set("organization_id", this.organizationId);
      const { data } = await this.api.call("GET", `/media-resources/?${query}`);
      const own = data.find((resource) => resource.organization_id === this.organizationId);
      return own ? { existing: own.url } : {};
    });
  }

  async getTickets(items) {
    const owner = { folder: this.folder, organization_id: this.organizationId };
    const { data } = await this.api.call("POST", "/uploads/presigned-urls", {
      items: items.map((item) => ({ ...described(item), ...owner })),
    });
    return data.map((result) =>
      result.error ? { refused: sentenceOf(result.error) } : { ticket: ticketOf(result) });
  }

  async reportUploaded() {} // an upload counts once an entity names its `fileUrl`
}

/** Sends files as a photo batch, which matches them to products by their names. */
export class PhotoBatchTransport {
  #creation = {}; // the body of the request that creates the batch, and its Idempotency-Key
  #isUncertain = false; // whether files may have been added although there was no response

  /** `options` are those of a new batch: `organization_id`, `name`, `template`, `on_existing`. */
  constructor(api, options = {}) {
    Object.assign(this, { api, options, batchId: null });
  }

  async prepare(items) {
    if (this.#isUncertain) await this.#findAdded(items);
    const files = items.filter((item) => !item.fileId).map(described); // a retried file has an id
    if (files.length) {
      const added = this.batchId ? await this.#add(files) : await this.#create(files);
      this.#save(items, added, (file, item) => file.filename === item.path);
    }
    return items.map(({ isStored, ticket }) => (isStored ? { existing: null } : { ticket }));
  }

  async getTickets(items) {
    const { files } = await this.#call("POST", "/tickets", { file_ids: idsOf(items) });
    this.#save(items, files, (file, item) => file.id === item.fileId);
    return items.map(({ isStored, ticket }) => (isStored ? { existing: null } : { ticket }));
  }

  reportUploaded(items) {
    return this.#call("POST", "/uploaded", { file_ids: idsOf(items) });
  }

  /** Lets the server attach the files, those that are still on their way as they arrive. */
  attach() {
    return this.#call("POST", "/attach");
  }

  #call(method, path, body) {
    return this.api.call(method, `/photo-batches/${this.batchId}${path}`, body);
  }

  async #create(files) {
    const request = { ...this.options, files };
    const body = JSON.stringify(request);
    if (this.#creation.body !== body) {
      this.#creation = { body, key: [...crypto.getRandomValues(new Uint32Array(4))].join("-") };
    }
    const headers = { "Idempotency-Key": this.#creation.key };
    const batch = await this.api.call("POST", "/photo-batches/", request, headers);
    this.batchId = batch.id;
    return batch.files;
  }

  async #add(files) {
    this.#isUncertain = true;
    const added = await this.#call("POST", "/files", { files });
    this.#isUncertain = false;
    return added.files;
  }

  async #findAdded(items) {
    for (let skip = 0, count = 1; skip < count; skip += PAGE_SIZE) {
      const page = await this.#call("GET", `/files?skip=${skip}&limit=${PAGE_SIZE}`);
      const mine = page.data.filter(({ filename }) => items.some(({ path }) => path === filename));
      this.#save(items, mine, (file, item) => file.filename === item.path);
      count = page.count;
    }
    this.#isUncertain = false;
  }

  /** Copies what the server says about each file to its item, for the page to show. */
  #save(items, files, isOf) {
    for (const { id, match, status, upload, ...file } of files) {
      const item = items.find((candidate) => isOf({ id, ...file }, candidate));
      const isStored = !upload && status !== "waiting";
      Object.assign(item, { fileId: id, match, isStored, ticket: upload && ticketOf(upload) });
    }
  }
}

const idsOf = (items) => items.map((item) => item.fileId);

async function mapInLanes(items, work) {
  const results = [];
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index]);
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_A_TIME }, lane));
  return results;
}
