// Style sheets are imported for esbuild to bundle; they have no values.
declare module "*.css";
