/**
 * Uploads of files and folders from a browser, with presigned URLs.
 *
 *     const api = new Api({ token: () => accessToken });
 *     const uploader = new Uploader(new PresignTransport(api));
 *     mount(document.querySelector("#uploader"), uploader); // uploader-view.js
 *
 * docs/design/browser-uploader.md has the decisions. No build step, no dependencies.
 */

import { TemporaryError } from "./uploader-transports.js";

export * from "./uploader-transports.js";

const LANES = 4; // files sent at a time
const TICKETS_AT_A_TIME = 20; // they expire after 15 minutes, so they are signed shortly before use
const PREPARED_AT_A_TIME = 100; // of the 500 that one request may have
const MIN_TICKET_SECONDS = 30; // a ticket that expires sooner is replaced
const MAX_FILE_SIZE = 50 * 1024 * 1024; // a larger file is not even read
const STALL_SECONDS = 60; // a connection without progress is lost
const RETRY_SECONDS = [1, 2, 5, 10, 20, 30];
const MAX_FAILURES = 8; // of one file in a row, not counting those while the browser is offline
const UNREADABLE = "The file was changed or deleted. Choose it again.";
const WORKER_NAME = "uploader-sha256";

/**
 * Prepares and sends files, and fires `change` with the changed item as `detail`.
 *
 * States of an item: `preparing`, `ready`, `sending`, `waiting` (for the connection), `sent`,
 * `duplicate`, `refused`. `message` is a sentence for people.
 */
export class Uploader extends EventTarget {
  items = [];
  isRunning = false;
  #transport;
  #toPrepare = [];
  #isPreparing = false;
  #lanes = new Map(); // the items under way, and their AbortControllers
  #ticketRequest = null;
  #unreported = [];

  constructor(transport) {
    super();
    this.#transport = transport;
  }

  /** Adds `{ file, path }` objects and prepares them; a refused file may be replaced. */
  add(files) {
    const byPath = new Map(this.items.map((item) => [item.path, item]));
    for (const { file, path } of files) {
      const item = byPath.get(path) ?? { path, state: "refused" };
      if (item.state !== "refused") continue;
      if (!byPath.has(path)) this.items.push(item);
      byPath.set(path, item);
      item.file = file;
      this.retry(item);
    }
  }

  /** Prepares a refused file again. */
  retry(item) {
    Object.assign(item, { ticket: null, sha256: null, sent: 0 });
    const message = problemOf(item.file);
    if (message) return this.#set(item, { state: "refused", message });
    this.#toPrepare.push(item);
    this.#set(item, { state: "preparing", message: "" });
    return this.#prepare();
  }

  start() {
    this.isRunning = true;
    this.#fillLanes();
    this.#set(null);
  }

  /** Stops; the files under way are sent again from their beginning. */
  pause() {
    this.isRunning = false;
    for (const controller of this.#lanes.values()) controller.abort();
    this.#set(null);
  }

  /** The number of items, and of those in each state, and the bytes to send and sent. */
  get totals() {
    const totals = { files: this.items.length, bytes: 0, sentBytes: 0 };
    for (const { state, file, sent } of this.items) {
      totals[state] = (totals[state] ?? 0) + 1;
      if (state === "duplicate" || state === "refused") continue;
      totals.bytes += file.size;
      totals.sentBytes += Math.min(sent, file.size);
    }
    return totals;
  }

  async #prepare() {
    if (this.#isPreparing) return;
    this.#isPreparing = true;
    while (this.#toPrepare.length) {
      const items = this.#toPrepare.splice(0, PREPARED_AT_A_TIME);
      for (const item of items) await this.#hash(item);
      await this.#check(items.filter(({ state }) => state === "preparing"));
      this.#fillLanes();
    }
    this.#isPreparing = false;
  }

  async #hash(item) {
    try {
      item.sha256 = await sha256Of(item.file);
    } catch (error) {
      return this.#set(item, { state: "refused", message: error.message });
    }
    if (this.#transport.sendsCopies) return;
    const same = item.sha256 && this.items.find((other) => other !== item
      && other.sha256 === item.sha256 && !["duplicate", "refused"].includes(other.state));
    if (same) this.#set(item, { state: "duplicate", same, message: `The same as ${same.path}.` });
  }

  async #check(items) {
    if (!items.length) return;
    try {
      const outcomes = await this.#untilConnected(items, () => this.#transport.prepare(items));
      items.forEach((item, index) => this.#apply(item, outcomes[index], "ready"));
    } catch (error) {
      for (const item of items) this.#set(item, { state: "refused", message: error.message });
    }
  }

  #apply(item, { ticket, existing, refused }, state) {
    if (refused) this.#set(item, { state: "refused", message: refused });
    else if (existing !== undefined) {
      this.#set(item, { state: "duplicate", fileUrl: existing, message: "Already uploaded." });
    } else this.#set(item, { state, ticket, fileUrl: ticket?.fileUrl, message: "" });
  }

  #fillLanes() {
    while (this.isRunning && this.#lanes.size < LANES) {
      const item = this.items.find(({ state }) => state === "ready");
      if (!item) break;
      this.#send(item);
    }
    if (!this.#lanes.size || this.#unreported.length >= TICKETS_AT_A_TIME) this.#report();
  }

  async #send(item) {
    const controller = new AbortController();
    const { signal } = controller;
    this.#lanes.set(item, controller);
    this.#set(item, { state: "sending", message: "" });
    try {
      await this.#untilConnected([item], () => this.#sendOnce(item, signal), signal);
    } catch (error) {
      if (signal.aborted) this.#set(item, { state: "ready", sent: 0, message: "" });
      else this.#set(item, { state: "refused", sent: 0, message: error.message });
    }
    this.#lanes.delete(item);
    this.#fillLanes();
  }

  async #sendOnce(item, signal) {
    while (!isUsable(item.ticket)) { // one request serves all items that wait for it
      this.#ticketRequest ??= this.#getTickets().finally(() => { this.#ticketRequest = null; });
      await this.#ticketRequest;
      signal.throwIfAborted();
      if (["refused", "duplicate"].includes(item.state)) return;
    }
    this.#set(item, { state: "sending", sent: 0, message: "" });
    await put(item, signal, (sent) => this.#set(item, { sent }));
    this.#unreported.push(item);
    this.#set(item, { state: "sent", sent: item.file.size });
  }

  /** Gets tickets for the items under way, and for those that come next. */
  async #getTickets() {
    const next = this.items.filter(({ state }) => state === "ready");
    const items = [...this.#lanes.keys(), ...next].filter(({ ticket }) => !isUsable(ticket));
    items.splice(TICKETS_AT_A_TIME);
    const outcomes = await this.#transport.getTickets(items);
    items.forEach((item, index) => {
      const { ticket, existing } = outcomes[index];
      const refused = outcomes[index].refused
        ?? (ticket || existing !== undefined ? undefined : "The server gave no upload URL.");
      this.#apply(item, { ticket, existing, refused }, item.state);
    });
  }

  /** Repeats an action after temporary errors, as long as there is hope. */
  async #untilConnected(items, action, signal) {
    for (let failures = 0; ;) {
      try {
        return await action();
      } catch (error) {
        signal?.throwIfAborted();
        // A ticket that is refused again and again has not expired.
        if (navigator.onLine) failures += error.needsTicket ? 4 : 1;
        if (!(error instanceof TemporaryError) || failures > MAX_FAILURES) throw error;
        for (const item of items) {
          if (error.needsTicket) item.ticket = null;
          const state = signal ? "waiting" : item.state;
          this.#set(item, { state, sent: 0, message: `${error.message} Trying again.` });
        }
        const seconds = RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length) - 1] ?? 1;
        await delay(error.seconds ?? seconds, signal);
      }
    }
  }

  #report() {
    const items = this.#unreported.splice(0);
    // If a report is lost, the server finds the files itself, only later.
    if (items.length) this.#transport.reportUploaded(items).catch(() => {});
  }

  #set(item, changes) {
    if (item) Object.assign(item, changes);
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }
}

const isUsable = (ticket) => ticket?.expiresAt > Date.now() + MIN_TICKET_SECONDS * 1000;

function problemOf({ size }) {
  if (!size) return "The file is empty.";
  return size > MAX_FILE_SIZE ? "The file is larger than 50 MiB." : "";
}

/** Sends a file to the URL of its ticket. XMLHttpRequest, because `fetch` reports no progress. */
async function put({ ticket, file }, signal, onProgress) {
  const request = new XMLHttpRequest();
  const ended = new AbortController();
  let stall;
  try {
    await new Promise((resolve, reject) => {
      const lost = () => reject(new TemporaryError("The connection was lost."));
      const watch = () => {
        clearTimeout(stall);
        stall = setTimeout(lost, STALL_SECONDS * 1000);
      };
      request.upload.onprogress = ({ loaded }) => { watch(); onProgress(loaded); };
      request.onload = () => settle(request, resolve, reject);
      request.onerror = () => requireReadable(file).then(lost, reject);
      addEventListener("offline", lost, { signal: ended.signal });
      signal.addEventListener("abort", () => reject(signal.reason), { signal: ended.signal });
      request.open("PUT", ticket.url);
      for (const [name, value] of Object.entries(ticket.headers)) {
        request.setRequestHeader(name, value);
      }
      request.send(file);
      watch();
    });
  } finally {
    clearTimeout(stall);
    ended.abort();
    request.abort();
  }
}

function settle({ status }, resolve, reject) {
  // 412: the object exists, so only the response to an earlier attempt was lost.
  if ((status >= 200 && status < 300) || status === 412) resolve();
  else if (status === 403) {
    reject(new TemporaryError("The upload URL has expired.", { seconds: 0, needsTicket: true }));
  } else if (status === 408 || status === 429 || status >= 500) {
    reject(new TemporaryError("The file store is busy."));
  } else reject(new Error("The file was damaged on its way, or the store refused it. Try again."));
}

/** A file that was changed or deleted looks like a lost connection to XMLHttpRequest. */
async function requireReadable(file) {
  await file.slice(0, 1).arrayBuffer().catch(() => {
    throw new Error(UNREADABLE);
  });
}

/** Waits, but not longer than until the browser is online again. */
async function delay(seconds, signal) {
  const ended = new AbortController();
  let timer;
  try {
    await new Promise((resolve, reject) => {
      timer = setTimeout(resolve, seconds * 1000);
      addEventListener("online", resolve, { signal: ended.signal });
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: ended.signal });
    });
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

let worker;
let hasWorker = true;
let lastNumber = 0; // of a request to the worker
const hashesToCome = new Map();

/** Returns the SHA-256 in hexadecimal, calculated in a worker; null if this page may have none. */
function sha256Of(file) {
  if (!hasWorker) return null;
  worker ??= startWorker();
  return new Promise((resolve, reject) => {
    lastNumber += 1;
    hashesToCome.set(lastNumber, { resolve, reject });
    worker.postMessage({ number: lastNumber, file });
  });
}

function startWorker() {
  const here = new URL(import.meta.url);
  // A worker's script must have the page's origin, but may import a module from another.
  const source = new Blob([`import ${JSON.stringify(here.href)};`], { type: "text/javascript" });
  const address = here.origin === location.origin ? here : URL.createObjectURL(source);
  const started = new Worker(address, { type: "module", name: WORKER_NAME });
  started.onmessage = ({ data: { number, sha256, isUnreadable } }) => {
    const { resolve, reject } = hashesToCome.get(number);
    hashesToCome.delete(number);
    if (isUnreadable) reject(new Error(UNREADABLE));
    else resolve(sha256);
  };
  started.onerror = () => { // the page's policy allows no worker
    hasWorker = false;
    for (const { resolve } of hashesToCome.values()) resolve(null);
  };
  return started;
}

async function sendHash({ data: { number, file } }) {
  try {
    const bytes = await file.arrayBuffer();
    const digest = await crypto.subtle?.digest("SHA-256", bytes); // not on pages with plain HTTP
    const digits = digest && Array.from(new Uint8Array(digest), (byte) =>
      byte.toString(16).padStart(2, "0"));
    self.postMessage({ number, sha256: digits?.join("") ?? null });
  } catch {
    self.postMessage({ number, isUnreadable: true });
  }
}

if (typeof document === "undefined" && self.name === WORKER_NAME) self.onmessage = sendHash;
