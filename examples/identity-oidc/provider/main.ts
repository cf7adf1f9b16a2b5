// An OpenID provider for several brands: npm's oidc-provider with accounts of its own. Who is signed in for one brand is signed in
// for all of them.
//
//     npm start -- --config provider.json --folder . --port 9300
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Provider, { type ClientMetadata, type Configuration, interactionPolicy } from "oidc-provider";
import { keysIn } from "./keys.ts";
import { door, signOut, trouble } from "./pages.ts";
import { People } from "./people.ts";

interface Config {
  issuer: string;
  /** The brands' applications: client id, name, addresses, and a secret where it has one. */
  clients: ClientMetadata[];
  /** What access tokens can be asked for: the origins of the brands (RFC 8707). */
  resources: string[];
}

const LONGEST_FORM = 8192;
const ACCESS_SECONDS = 600;
const DAY = 86_400;

const { values } = parseArgs({
  options: {
    config: { type: "string" },
    folder: { type: "string", default: "." },
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "9300" },
  },
});
if (!values.config) throw new Error("say what the brands are: --config provider.json");
const config = JSON.parse(readFileSync(values.config, "utf8")) as Config;
const people = new People(join(values.folder, "people.json"));

// Whoever comes to make an account says so: prompt=create (Initiating User Registration via OpenID Connect 1.0).
const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: "create", requestable: true }), 0);

const configuration: Configuration = {
  clients: config.clients.map((client) => ({
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: client.client_secret ? "client_secret_basic" : "none",
    ...client,
  })),
  jwks: keysIn(join(values.folder, "keys.json")),
  cookies: { keys: [randomBytes(32).toString("hex")] },
  discovery: { prompt_values_supported: ["none", "login", "consent", "create"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  pkce: { required: () => true },
  interactions: { policy, url: (_, { uid }) => `/interaction/${uid}` },
  ttl: { AccessToken: ACCESS_SECONDS, IdToken: ACCESS_SECONDS, Grant: 30 * DAY, Session: 30 * DAY, RefreshToken: 30 * DAY, Interaction: 1800 },
  // The brands are ours: nobody is asked whether they may know who somebody is.
  issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
  async loadExistingGrant({ oidc }) {
    const { client, session } = oidc;
    if (!client || !session?.accountId) return undefined;
    const known = session.grantIdFor(client.clientId);
    const before = known ? await provider.Grant.find(known) : undefined;
    if (before) return before;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid email offline_access");
    await grant.save();
    return grant;
  },
  findAccount(_, id) {
    const person = people.byId(id);
    if (!person) return undefined;
    const { email } = person;
    return { accountId: id, claims: () => ({ sub: id, email, email_verified: true }) };
  },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_, resource) {
        if (!config.resources.includes(resource)) throw new Error(`there is no resource ${resource}`);
        return { scope: "", audience: resource, accessTokenFormat: "jwt", accessTokenTTL: ACCESS_SECONDS };
      },
      useGrantedResource: () => false,
    },
    revocation: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = signOut(form);
      },
    },
  },
  renderError(ctx, { error, error_description }) {
    ctx.type = "html";
    ctx.body = trouble(error_description ?? error);
  },
};

const provider = new Provider(config.issuer, configuration);
const answers = provider.callback();

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const piece of request.setEncoding("utf8") as AsyncIterable<string>) {
    text += piece;
    if (text.length > LONGEST_FORM) throw new Error("the form is too long");
  }
  return new URLSearchParams(text);
}

function show(response: ServerResponse, status: number, html: string): void {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
  const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };
  response.writeHead(status, { ...headers, "content-security-policy": policy }).end(html);
}

/** The pages of a sign-in on its way: the provider knows the browser by a cookie that it set. */
async function interaction(request: IncomingMessage, response: ServerResponse, wanted: string): Promise<void> {
  const { uid, prompt, params } = await provider.interactionDetails(request, response);
  const client = await provider.Client.find(String(params["client_id"]));
  const creates = wanted ? wanted === "sign-up" : prompt.name === "create";
  const at = { uid, creates, client: client?.clientName ?? "the application" };
  if (request.method !== "POST") return show(response, 200, door(at));
  const form = await formOf(request);
  const [email, password] = [form.get("email") ?? "", form.get("password") ?? ""];
  const person = creates ? await people.signUp(email, password) : await people.signIn(email, password);
  if (typeof person !== "object") {
    const wrong = person ?? "Address and password do not go together.";
    return show(response, 422, door({ ...at, email, wrong }));
  }
  const result = { login: { accountId: person.id, remember: true }, create: {} };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const server = createServer((request, response) => {
  const found = /^\/interaction\/[\w-]+(?:\/(sign-in|sign-up))?$/.exec(request.url ?? "");
  if (!found) return void answers(request, response);
  interaction(request, response, found[1] ?? "").catch((error: unknown) => {
    console.error(error);
    show(response, 400, trouble("The sign-in took too long, or was begun in another browser. Go back and try again."));
  });
});
server.listen(Number(values.port), values.host, () => console.error(`provider at ${config.issuer}`));
