import { defineConfig } from "vite";

const isBoot = process.env.STUDIOLO_BUILD === "boot";
const target = ["chrome123", "edge123", "firefox121", "safari17.5"];

/** Two builds: the boot script, which is inlined and must stand alone, and everything that it loads. */
export default defineConfig({
  root: "packages/notebook",
  base: "/assets/",
  build: {
    target,
    cssTarget: target,
    outDir: "../../node_modules/.studiolo-build",
    emptyOutDir: !isBoot,
    assetsDir: "",
    assetsInlineLimit: 0,
    manifest: isBoot ? "boot-manifest.json" : "manifest.json",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: isBoot
      ? { input: { boot: "src/boot/index.ts" }, output: { format: "iife", entryFileNames: "boot-[hash].js" } }
      : {
          input: { live: "src/live.ts", first: "src/styles/first.css", pages: "../pages/src/pages.css" },
          preserveEntrySignatures: "strict",
          output: {
            entryFileNames: "[name]-[hash].js",
            chunkFileNames: "[name]-[hash].js",
            assetFileNames: "[name]-[hash][extname]",
          },
        },
  },
});
