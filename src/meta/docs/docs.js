// @ts-check
/* The documentation page: the viewer over /openapi.json, and a signer so that "Try it out" is a real call. */

const field = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
const state = /** @type {HTMLOutputElement} */ (document.getElementById("signing_state"));
const text = new TextEncoder();

const encode = (value) =>
  encodeURIComponent(value).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (value) => hex(await crypto.subtle.digest("SHA-256", text.encode(value)));

async function hmac(key, value) {
  const imported = await crypto.subtle.importKey("raw", text.encode(key), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return hex(await crypto.subtle.sign("HMAC", imported, text.encode(value)));
}

/** SDK-HMAC-SHA256 over method, path, query, date and body. */
async function sign(request, accessKey, secretKey) {
  const url = new URL(request.url, location.href);
  const date = `${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const path = `${decodeURIComponent(url.pathname).split("/").map(encode).join("/")}/`.replace(/\/\/$/, "/");
  const query = [...url.searchParams]
    .map(([name, value]) => [encode(name), encode(value)])
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
    .map((pair) => pair.join("="))
    .join("&");
  const bodyHash = await sha256(request.body ?? "");
  // X-Command-Id counts only where the signature covers it.
  const commandId = request.headers["X-Command-Id"];
  const covered = [...(commandId ? [["x-command-id", commandId.trim()]] : []), ["x-sdk-date", date]];
  const names = covered.map(([name]) => name).join(";");
  const lines = covered.map(([name, value]) => `${name}:${value}`);
  const canonical = [request.method.toUpperCase(), path, query, ...lines, "", names, bodyHash].join("\n");
  const signature = await hmac(secretKey, `SDK-HMAC-SHA256\n${date}\n${await sha256(canonical)}`);
  // URLSearchParams would send a space as a plus sign, which the signature does not mean.
  request.url = `${url.origin}${url.pathname}${query === "" ? "" : `?${query}`}`;
  request.headers["X-Sdk-Date"] = date;
  request.headers.Authorization = `SDK-HMAC-SHA256 Access=${accessKey}, SignedHeaders=${names}, Signature=${signature}`;
  return request;
}

async function signIfKnown(request) {
  const accessKey = field("access_key").value.trim();
  const secretKey = field("secret_key").value.trim();
  if (accessKey === "" || secretKey === "" || request.loadSpec) return request;
  if (globalThis.crypto?.subtle === undefined) {
    state.textContent = "This browser signs on https or localhost only: open the page through one of them.";
    return request;
  }
  return sign(request, accessKey, secretKey);
}

const showState = () => {
  const ready = field("access_key").value.trim() !== "" && field("secret_key").value.trim() !== "";
  state.textContent = ready
    ? "Requests from this page are signed."
    : "Without a key, operations answer 401. Keys stay in this page.";
};
document.getElementById("signing")?.addEventListener("input", showState);
document.getElementById("signing")?.addEventListener("submit", (event) => event.preventDefault());

globalThis.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  // No other host is ever asked.
  validatorUrl: null,
  requestInterceptor: signIfKnown,
});
