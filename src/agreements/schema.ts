import * as v from "valibot";

export const ShowPrivacyAgreementsResponse = v.object({
  flag: v.pipe(v.boolean(), v.description("Whether somebody of the account has accepted.")),
});
