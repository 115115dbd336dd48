/**
 * Signs in and shows the uploader.
 *
 * Parameters of the page: `api`, the site of the product if it is another one (which must list this
 * one in CORS_ALLOWED_ORIGINS), `organization`, the id of the organization the files are for, and
 * `photos`: with it, the files are photos, which are attached to products by their names.
 */

const POLL_MILLISECONDS = 2000;

const parameters = new URLSearchParams(location.search);
const organizationId = parameters.get("organization");
const site = parameters.get("api") ?? location.origin;
const base = `${site}/api/v1`;
const modules = Promise.all(
  ["uploader", "uploader-view"].map((name) => import(`${site}/static/media/${name}.js`)),
);

const form = document.querySelector("#sign-in");
const root = document.querySelector("#uploader");
let session;
let refreshing = null; // a refresh token can be used once: requests share its use

/** Posts to a route that returns tokens, and keeps them. */
async function signIn(path, options) {
  const response = await fetch(`${base}/login/${path}`, { method: "POST", ...options });
  if (!response.ok) throw new Error((await response.json()).detail);
  session = await response.json();
}

async function token({ isRefused }) {
  if (isRefused) {
    refreshing ??= signIn("refresh-token", {
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: session.refresh_token }),
    }).finally(() => { refreshing = null; });
    await refreshing;
  }
  return session.access_token;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await signIn("access-token", { body: new URLSearchParams(new FormData(form)) });
  } catch (error) {
    form.querySelector("[role=alert]").textContent = error.message;
    return;
  }
  const [{ Api, PhotoBatchTransport, PresignTransport, Uploader }, { mount }] = await modules;
  const api = new Api({ base, token });
  form.hidden = true;
  root.hidden = false;
  if (parameters.has("photos")) {
    const transport = new PhotoBatchTransport(api, { organization_id: organizationId });
    const uploader = new Uploader(transport);
    mount(root, uploader);
    mountPhotoBatch(uploader, transport);
  } else mount(root, new Uploader(new PresignTransport(api, { organizationId })));
});

/** Lets the user attach the photos once the server has told the product of each. */
function mountPhotoBatch(uploader, transport) {
  const section = document.querySelector("#photo-batch");
  const button = section.querySelector("button");
  section.hidden = false;
  let attachedId = null; // a batch that has ended is followed by another one
  uploader.addEventListener("change", () => {
    button.disabled = !transport.batchId || transport.batchId === attachedId;
  });
  button.addEventListener("click", async () => {
    button.disabled = true;
    attachedId = transport.batchId;
    const status = section.querySelector("[role=status]");
    try {
      await showAttaching(transport, status);
    } catch (error) {
      status.textContent = error.message;
      attachedId = null;
      button.disabled = false;
    }
  });
}

async function showAttaching(transport, status) {
  let batch = await transport.attach();
  while (batch.status === "running") {
    status.textContent = `${batch.counts.ready} of ${batch.counts.total} photos are attached.`;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MILLISECONDS); });
    batch = await transport.read(batch.id);
  }
  const { ready, conflict, failed } = batch.counts;
  status.textContent = `Done: ${ready} attached, ${conflict} in conflict, ${failed} failed.`;
}
