// The pages that people see: signing in, signing up, signing out.

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>body{font:1rem/1.5 system-ui;max-width:24rem;margin:4rem auto;padding:0 1rem}label,input,button{display:block;width:100%;
box-sizing:border-box;margin:.5rem 0;font:inherit;padding:.5rem}label{padding:0}</style></head>
<body><main><h1>${escaped(title)}</h1>${body}</main></body></html>`;
}

export interface Door {
  uid: string;
  /** Whether somebody is to make an account. */
  creates: boolean;
  /** The application that they come from. */
  client: string;
  email?: string;
  wrong?: string;
}

export function door({ uid, creates, client, email = "", wrong }: Door): string {
  const [title, other] = creates ? ["Create your account", "sign-in"] : ["Sign in", "sign-up"];
  const words = creates ? "I have an account" : "Create an account";
  return page(
    title,
    `<p>to go on to ${escaped(client)}</p>
${wrong ? `<p role="alert">${escaped(wrong)}</p>` : ""}
<form method="post" action="/interaction/${uid}/${creates ? "sign-up" : "sign-in"}">
<label for="email">Email address</label>
<input id="email" name="email" type="email" autocomplete="username" value="${escaped(email)}" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="${creates ? "new" : "current"}-password" required>
<button>${creates ? "Create account" : "Sign in"}</button></form>
<p><a href="/interaction/${uid}/${other}">${words}</a></p>`,
  );
}

/** `form` has the id `op.logoutForm`. */
export const signOut = (form: string) =>
  page("Sign out", `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out everywhere</button>`);

export const trouble = (what: string) => page("This did not work", `<p>${escaped(what)}</p>`);
