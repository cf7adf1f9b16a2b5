// People with their passwords, in one file. A password is kept as its scrypt hash.
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

export interface Person {
  /** The subject: never another's, and the same for every client. */
  id: string;
  email: string;
  salt: string;
  hash: string;
}

const SHORTEST_PASSWORD = 8;

function hashed(password: string, salt: string): Promise<Buffer> {
  return new Promise((done, failed) => {
    scrypt(password, salt, 32, (error, key) => (error ? failed(error) : done(key)));
  });
}

const normalised = (email: string) => email.trim().toLowerCase();

export class People {
  readonly #file: string;
  readonly #byEmail = new Map<string, Person>();

  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const person of JSON.parse(readFileSync(file, "utf8")) as Person[]) this.#byEmail.set(person.email, person);
  }

  byId(id: string): Person | undefined {
    return [...this.#byEmail.values()].find((person) => person.id === id);
  }

  /** The person with this address and password. */
  async signIn(email: string, password: string): Promise<Person | undefined> {
    const person = this.#byEmail.get(normalised(email));
    const hash = await hashed(password, person?.salt ?? "nobody");
    return person && timingSafeEqual(hash, Buffer.from(person.hash, "hex")) ? person : undefined;
  }

  /** A new person, or why there is none. */
  async signUp(address: string, password: string): Promise<Person | string> {
    const email = normalised(address);
    if (!/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email)) return "This is no email address.";
    if (password.length < SHORTEST_PASSWORD) return `A password has at least ${SHORTEST_PASSWORD} characters.`;
    const salt = randomBytes(16).toString("hex");
    const hash = (await hashed(password, salt)).toString("hex");
    if (this.#byEmail.has(email)) return "There is an account with this address. Sign in instead.";
    const person = { id: randomBytes(12).toString("base64url"), email, salt, hash };
    this.#byEmail.set(email, person);
    const draft = `${this.#file}.new`;
    writeFileSync(draft, JSON.stringify([...this.#byEmail.values()], undefined, 2), { mode: 0o600 });
    renameSync(draft, this.#file);
    return person;
  }
}
