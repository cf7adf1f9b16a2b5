// Types of the API from the contracts' frozen OpenAPI documents, into src/api/generated/ (not in git).
//
// The documents are found below `contracts/` of the tree by the contract's name, which each says in its title.
// CONTRACTS=folder takes them from elsewhere.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const wanted = ["catalog", "billing", "card-vault", "viewers", "playback"];
const contracts = process.env.CONTRACTS ?? fileURLToPath(new URL("../../../contracts", import.meta.url));
const target = fileURLToPath(new URL("../src/api/generated", import.meta.url));

/** Every OpenAPI document below the folder, by contract name. */
async function documents(folder) {
  const found = new Map();
  for (const entry of await readdir(folder, { recursive: true })) {
    if (!/[\\/]v1[\\/][^\\/]*\.json$/.test(entry)) continue;
    const file = join(folder, entry);
    const document = JSON.parse(await readFile(file, "utf8"));
    const name = /^Tessera (.+)$/.exec(document.info?.title ?? "")?.[1];
    if (document.openapi && name) found.set(name, file);
  }
  return found;
}

const found = await documents(contracts);
const missing = wanted.filter((name) => !found.has(name));
if (missing.length > 0) {
  console.error(
    `no frozen OpenAPI document of ${missing.join(", ")} below ${contracts}: run \`cargo xtask contracts freeze\` first`,
  );
  process.exit(1);
}
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
for (const name of wanted) {
  const types = await openapi(pathToFileURL(found.get(name)), { alphabetize: true });
  await writeFile(join(target, `${name}.ts`), astToString(types));
}
