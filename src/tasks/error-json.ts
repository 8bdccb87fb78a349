const MAX_CODE = 64;
const MAX_MESSAGE = 128;
/** Bound of error_json in listErrorServers, the narrower of its two. */
export const MAX_ERROR_JSON = 255;
/** What went wrong on the agent's side without a code of its own. */
export const AGENT_FAILED = "SMS.8010";

export interface TaskError {
  error_code: string;
  error_msg: string;
}

/** What an agent's report says of a failure, if it has the members for it. */
export function errorOfDetail(result_detail: string): TaskError {
  const { error_code, error_msg } = JSON.parse(result_detail) as Record<string, unknown>;
  return {
    error_code: typeof error_code === "string" && error_code !== "" ? error_code : AGENT_FAILED,
    error_msg: typeof error_msg === "string" ? error_msg : "the agent reported a failure",
  };
}

/** As the wire has it: JSON in a text, cut so that it stays within its bound whatever has to be escaped. */
export function errorJson({ error_code, error_msg }: TaskError): string {
  const code = firstCharacters(error_code, MAX_CODE);
  const message = firstCharacters(error_msg, MAX_MESSAGE);
  for (;;) {
    const json = JSON.stringify({ error_code: code.join(""), error_msg: message.join("") });
    if ([...json].length <= MAX_ERROR_JSON) return json;
    if (message.length > 0) message.pop();
    else code.pop();
  }
}

/** A character has two units at the most: what is far behind is not looked at. */
function firstCharacters(text: string, most: number): string[] {
  return [...text.slice(0, 2 * most)].slice(0, most);
}
