/**
 * Goes on with a value at once where it is there, and when it comes where it is still to come: a turn that nobody needs
 * to wait is not waited. What goes wrong at once is thrown. Only real promises are waited for, not a query that has none
 * until it is asked for.
 */
export function after<Value, Result>(
  value: Value | Promise<Value>,
  next: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value);
}
