import { scrypt, timingSafeEqual } from "node:crypto";

/** 2^15 rounds over 8 * 128 bytes, three times: 32 MB and some 0.2 s of one core. */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const KEY_BYTES = 32;
export const SALT_BYTES = 16;

/** A password as it is kept: with salt and cost, so that the cost can be raised for new ones. */
export async function hashPassword(password: string, salt: Uint8Array): Promise<string> {
  const { N, r, p } = COST;
  const key = await derive(password, salt, COST);
  return `$scrypt$ln=${Math.log2(N)},r=${r},p=${p}$${salt.toBase64()}$${key.toBase64()}`;
}

/** Whether the password is the one that was hashed. */
export async function isPassword(password: string, hashed: string): Promise<boolean> {
  const parts = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(hashed);
  if (!parts) throw new Error("the stored password is not of a known form");
  const [, ln, r, p, salt = "", expected = ""] = parts;
  const cost = { N: 2 ** Number(ln), r: Number(r), p: Number(p) };
  const key = await derive(password, Uint8Array.fromBase64(salt), cost);
  return timingSafeEqual(key, Uint8Array.fromBase64(expected));
}

/** Takes as long as a wrong password: whoever signs in must not learn from the time which users there are. */
export async function asIfWrong(password: string): Promise<false> {
  await derive(password, new Uint8Array(SALT_BYTES), COST);
  return false;
}

function derive(password: string, salt: Uint8Array, cost: typeof COST): Promise<Uint8Array> {
  // Twice what it needs: the library counts some more than the table itself.
  const maxmem = 2 * 128 * cost.N * cost.r;
  return new Promise((resolve, reject) => {
    // One password typed on two keyboards may come as two sequences of code points.
    scrypt(password.normalize("NFKC"), salt, KEY_BYTES, { ...cost, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
