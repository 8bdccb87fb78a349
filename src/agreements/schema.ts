import * as v from "valibot";
import { object } from "../http/wire.ts";

export const ShowPrivacyAgreementsResponse = object({
  flag: v.pipe(v.boolean(), v.description("Whether somebody of the account has accepted.")),
});
