/**
 * Signs in and shows the uploader.
 *
 * Parameters of the page: `api`, the site of the product if it is another one (which must list this
 * one in CORS_ALLOWED_ORIGINS), and `organization`, the id of the organization the files are for.
 */

const parameters = new URLSearchParams(location.search);
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
  const [{ Api, PresignTransport, Uploader }, { mount }] = await modules;
  form.hidden = true;
  root.hidden = false;
  const owner = { organizationId: parameters.get("organization") };
  mount(root, new Uploader(new PresignTransport(new Api({ base, token }), owner)));
});
