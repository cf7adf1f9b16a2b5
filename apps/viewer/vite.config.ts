import react from "@vitejs/plugin-react";
import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

const mounts = [
  "/auth",
  "/tenancy",
  "/app",
  "/catalog",
  "/billing",
  "/payment-gateway",
  "/viewers",
  "/playback",
  "/drm",
  "/delivery",
];
// The tenant is in the host name, and the edge wants the origin to be the same host.
const through = (target: string) => ({ target, changeOrigin: true, headers: { origin: target } });

export default defineConfig(({ mode }) => {
  // `npm run dev` shows the app on the API of a running Tessera: TESSERA=http://demo.localhost:8080 npm run dev
  const api = loadEnv(mode, ".", "TESSERA")["TESSERA"];
  return {
    plugins: [react()],
    server: api ? { proxy: Object.fromEntries(mounts.map((mount) => [mount, through(api)])) } : {},
    build: {
      target: "es2022",
      // The content security policy allows what comes from this host; nothing is inlined.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // Shaka Player is one large file that only the player page loads.
      chunkSizeWarningLimit: 800,
    },
    test: { include: ["src/**/*.test.ts"] },
  };
});
