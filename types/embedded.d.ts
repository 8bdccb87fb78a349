// Files that are imported `with { type: "text" }` and so become part of the executable.
// (Bun's own types would make an object of some, and know nothing of others.)
declare module "*.sql" {
  const text: string;
  export default text;
}
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*.svg" {
  const text: string;
  export default text;
}
declare module "*.md" {
  const text: string;
  export default text;
}
declare module "swagger-ui-dist/*.js" {
  const text: string;
  export default text;
}
declare module "*/docs.js" {
  const text: string;
  export default text;
}
declare module "*.html" {
  const text: string;
  export default text;
}
