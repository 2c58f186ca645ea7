/** Checking that a webhook came from Tuco Jobs: https://www.standardwebhooks.com/. */

import { Webhook, WebhookVerificationError } from "standardwebhooks";

export { WebhookVerificationError };

/**
 * What a webhook says, once its signature and its age are found good.
 *
 * @param body - as it came, byte for byte: a body that was parsed and written again has another signature.
 * @param headers - of the request; `webhook-id` is the same each time a delivery is repeated.
 * @param secret - `whsec_...`; several during a rotation, any of which may have signed.
 * @throws WebhookVerificationError where it is not from us, or older than five minutes.
 */
export function verifyWebhook(body: string | Buffer, headers: Headers, secret: string | readonly string[]): unknown {
  const given = Object.fromEntries(headers);
  const secrets = typeof secret === "string" ? [secret] : secret;
  for (const each of secrets.slice(0, -1)) {
    try {
      return new Webhook(each).verify(body, given);
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
    }
  }
  const last = secrets.at(-1);
  if (last === undefined) throw new WebhookVerificationError("There is no secret to check the signature with");
  return new Webhook(last).verify(body, given);
}
