/** A minimal, accessible page for an `Uploader`. All its elements have classes, none a style. */

const IGNORED_NAMES = /^(\..*|thumbs\.db|desktop\.ini)$/i; // what systems add to folders
const STATES = {
  preparing: "Checking",
  ready: "Ready",
  sending: "Sending",
  waiting: "Waiting",
  sent: "Sent",
  duplicate: "Not sent again",
  refused: "Refused",
};

/** Builds the page of an uploader in `root` and keeps it up to date. */
export function mount(root, uploader) {
  const files = input("Choose files", { multiple: true });
  const folder = input("Choose a folder", { webkitdirectory: true });
  const drop = element("div", { className: "uploader-drop" }, [
    element("p", { textContent: "Drop files or folders here, or choose them." }),
    files,
    folder,
  ]);
  const button = element("button", { type: "button", className: "uploader-button" });
  const progress = element("progress", { className: "uploader-progress", ariaLabel: "All files" });
  const summary = element("p", { className: "uploader-summary", role: "status" });
  const list = element("ul", { className: "uploader-files", ariaLabel: "Files" });
  root.replaceChildren(drop, summary, progress, button, list);

  acceptDrops(drop, (chosen) => uploader.add(chosen));
  for (const label of [files, folder]) {
    label.control.addEventListener("change", ({ target }) => {
      uploader.add(chosenFiles(target.files));
      target.value = ""; // the same file may be chosen again
    });
  }
  button.addEventListener("click", () => {
    if (uploader.isRunning) uploader.pause();
    else uploader.start();
  });

  const rows = new Map();
  const showAll = () => showTotals(uploader, { button, progress, summary });
  uploader.addEventListener("change", ({ detail: item }) => {
    if (item) {
      if (!rows.has(item)) {
        rows.set(item, newRow(item, uploader));
        list.append(rows.get(item).row);
      }
      showItem(item, rows.get(item));
    }
    showAll();
  });
  showAll();
}

function newRow(item, uploader) {
  const state = element("span", { className: "uploader-state" });
  const progress = element("progress", { ariaLabel: item.path });
  const retry = element("button", {
    type: "button",
    textContent: "Try again",
    ariaLabel: `Try ${item.path} again`,
    hidden: true,
  });
  retry.addEventListener("click", () => uploader.retry(item));
  const name = element("span", { className: "uploader-name", textContent: item.path });
  return { row: element("li", {}, [name, progress, state, retry]), state, progress, retry };
}

function showItem(item, { row, state, progress, retry }) {
  row.dataset.state = item.state;
  const details = [item.message, productOf(item.match)].filter(Boolean).join(" ");
  setText(state, [STATES[item.state], details].filter(Boolean).join(": "));
  progress.max = item.file.size || 1;
  progress.value = item.sent;
  retry.hidden = item.state !== "refused";
}

/** Returns the product and slot that a photo batch found for a file. */
function productOf(match) {
  if (!match) return "";
  if (match.sku) return `${match.sku}, ${match.slot.replace("_", " ")}`;
  return match.status === "ambiguous" ? "several products fit" : "no product has this name";
}

function showTotals(uploader, { button, progress, summary }) {
  const totals = uploader.totals;
  const count = (state) => totals[state] ?? 0;
  const open = count("ready") + count("sending") + count("waiting");
  progress.max = totals.bytes || 1;
  progress.value = totals.sentBytes;
  setText(button, uploader.isRunning && open ? "Pause" : `Upload ${plural(open)}`);
  button.disabled = !open;
  const parts = [
    [count("preparing"), "being checked"],
    [open, "to send"],
    [count("sent"), "sent"],
    [count("duplicate"), "already there"],
    [count("refused"), "refused"],
  ].filter(([number]) => number).map(([number, text]) => `${number} ${text}`);
  const lost = count("waiting") ? " Waiting for the connection." : "";
  setText(summary, totals.files ? `${plural(totals.files)}: ${parts.join(", ")}.${lost}` : "");
}

/** Sets a text only if it changes: screen readers announce each change of a status. */
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

const plural = (count) => (count === 1 ? "1 file" : `${count} files`);

function element(name, properties, children = []) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

function input(text, properties) {
  const field = element("input", { type: "file", ...properties });
  return element("label", { className: "uploader-choice" }, [`${text} `, field]);
}

function acceptDrops(target, onFiles) {
  const highlight = (isOver) => target.classList.toggle("uploader-over", isOver);
  target.addEventListener("dragover", (event) => { event.preventDefault(); highlight(true); });
  target.addEventListener("dragleave", () => highlight(false));
  target.addEventListener("drop", async (event) => {
    event.preventDefault();
    highlight(false);
    onFiles(await droppedFiles(event.dataTransfer));
  });
}

function chosenFiles(files) {
  return [...files]
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }))
    .filter(({ file }) => !IGNORED_NAMES.test(file.name));
}

/** Returns the files of a drop with their paths, those in folders included. */
async function droppedFiles(dataTransfer) {
  // The items are only valid during the event, before the first `await`.
  const entries = [...dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const files = [];
  while (entries.length) {
    const entry = entries.shift();
    if (entry.isDirectory) entries.push(...await entriesOf(entry));
    else if (!IGNORED_NAMES.test(entry.name)) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      files.push({ file, path: entry.fullPath.replace(/^\//, "") });
    }
  }
  return files;
}

async function entriesOf(directory) {
  const reader = directory.createReader();
  const entries = [];
  for (;;) { // a browser returns at most a hundred entries at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return entries;
    entries.push(...some);
  }
}
