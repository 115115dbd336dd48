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
    const { status } = response;
    const message = sentenceOf(content) ?? `The server answered ${status}.`;
    // A 409 with Retry-After: the first request with the same Idempotency-Key is still running.
    const seconds = Number(response.headers.get("Retry-After")) || undefined;
    if (seconds || status === 408 || status === 429 || status >= 500) {
      throw new TemporaryError(message, { seconds });
    }
    throw Object.assign(new Error(message), { status, detail: content.detail });
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

/**
 * Sends files as a photo batch, which matches them to products by their names.
 *
 * A batch that has ended takes no more files: later ones go into a new batch.
 */
export class PhotoBatchTransport {
  sendsCopies = true; // the name of a copy may mean another product
  #creation = {}; // the body of the request that creates the batch, and its Idempotency-Key
  #isUncertain = false; // whether files may have been added although there was no response

  /** `options` are those of a new batch: `organization_id`, `name`, `template`, `on_existing`. */
  constructor(api, options = {}) {
    Object.assign(this, { api, options, batchId: null });
  }

  async prepare(items) {
    if (this.#isUncertain) await this.#findAdded(items);
    const problems = new Map(); // of files that the server does not accept; it names all of them
    for (;;) {
      const open = items.filter((item) => !this.#hasFile(item) && !problems.has(item));
      if (!open.length) break;
      try {
        const added = await this.#declare(open.map(described));
        this.#save(open, added, (file, item) => file.filename === item.path);
      } catch (error) {
        const issues = issuesOfFiles(error);
        if (!issues.length) throw error;
        for (const { loc, msg } of issues) problems.set(open[loc[2]], msg);
      }
    }
    return items.map((item) =>
      problems.has(item) ? { refused: problems.get(item) } : outcomeOf(item));
  }

  async getTickets(items) {
    try {
      const { files } = await this.#call("POST", "/tickets", { file_ids: this.#idsOf(items) });
      this.#save(items, files, (file, item) => file.id === item.fileId);
      return items.map(outcomeOf);
    } catch (error) {
      if (error.status !== 409) throw error;
      for (const item of items) item.fileId = null; // the batch has ended
      return this.prepare(items);
    }
  }

  reportUploaded(items) {
    return this.#call("POST", "/uploaded", { file_ids: this.#idsOf(items) });
  }

  /** Lets the server attach the files, those that are still on their way as they arrive. */
  attach() {
    return this.#call("POST", "/attach");
  }

  /** Returns a batch with its status and the number of files in each state. */
  read(batchId = this.batchId) {
    return this.api.call("GET", `/photo-batches/${batchId}`);
  }

  #hasFile({ fileId, batchId }) {
    return fileId && batchId === this.batchId; // it may be retried after its batch has ended
  }

  #idsOf(items) {
    return items.filter((item) => this.#hasFile(item)).map(({ fileId }) => fileId);
  }

  #call(method, path, body) {
    return this.api.call(method, `/photo-batches/${this.batchId}${path}`, body);
  }

  async #declare(files) {
    if (this.batchId) {
      try {
        return await this.#add(files);
      } catch (error) {
        if (error.status !== 409) throw error; // else the batch has ended
      }
    }
    return this.#create(files);
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
    this.#creation = {}; // the same files may be sent again in another batch
    return batch.files;
  }

  async #add(files) {
    this.#isUncertain = true;
    try {
      const added = await this.#call("POST", "/files", { files });
      this.#isUncertain = false;
      return added.files;
    } catch (error) {
      if (error.status) this.#isUncertain = false; // the server has refused them
      throw error;
    }
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
      const ticket = upload && ticketOf(upload);
      Object.assign(item, { batchId: this.batchId, fileId: id, match, isStored, ticket });
    }
  }
}

const outcomeOf = ({ isStored, ticket }) => (isStored ? { existing: null } : { ticket });

/** Returns the problems of single files in a 422. */
const issuesOfFiles = ({ status, detail }) =>
  (status === 422 ? detail.filter(({ loc }) => loc[1] === "files" && loc.length > 2) : []);

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
