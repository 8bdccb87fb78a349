import swaggerCss from "swagger-ui-dist/swagger-ui.css" with { type: "text" };
import swaggerBundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "text" };
import docsCss from "./docs/docs.css" with { type: "text" };
import docsScript from "./docs/docs.js" with { type: "text" };
import page from "./docs/index.html" with { type: "text" };
import type { DocsFiles } from "./operate.ts";

const html = "text/html; charset=utf-8";
const css = "text/css; charset=utf-8";
const javascript = "text/javascript; charset=utf-8";

/** The interactive documentation, inside the executable: it works without any other host. */
export const docsFiles: DocsFiles = {
  "index.html": { type: html, body: page as unknown as string },
  "docs.css": { type: css, body: docsCss },
  "docs.js": { type: javascript, body: docsScript as unknown as string },
  "swagger-ui.css": { type: css, body: swaggerCss },
  "swagger-ui-bundle.js": { type: javascript, body: swaggerBundle },
};
