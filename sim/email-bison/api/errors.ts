import type { Answer } from './call.ts'

/** A handler throws it to refuse; the body is Laravel's of that status. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError'
  readonly answer: Answer
  constructor(answer: Answer) {
    super(`refused with ${answer.status}`)
    this.answer = answer
  }
}

export const UNAUTHENTICATED = { message: 'Unauthenticated.' }

/** 422 of Laravel's validator: its first message above, all of them by field. */
export function invalid(errors: Readonly<Record<string, string>>): RefusalError {
  const messages = Object.values(errors)
  const more =
    messages.length > 1 ? ` (and ${messages.length - 1} more error${messages.length > 2 ? 's' : ''})` : ''
  const byField = Object.fromEntries(Object.entries(errors).map(([field, message]) => [field, [message]]))
  return new RefusalError({ status: 422, body: { message: `${messages[0] ?? ''}${more}`, errors: byField } })
}

export function notFound(): RefusalError {
  const data = { success: false, message: 'Record not found', record_not_found: true }
  return new RefusalError({ status: 404, body: { data } })
}

export function forbidden(): RefusalError {
  return new RefusalError({ status: 403, body: { message: 'This action is unauthorized.' } })
}

export function noRoute(path: string): Answer {
  return { status: 404, body: { message: `The route ${path.slice(1)} could not be found.` } }
}

export function wrongMethod(method: string, path: string, supported: readonly string[]): Answer {
  const list = supported.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])).join(', ')
  const message = `The ${method} method is not supported for route ${path.slice(1)}. Supported methods: ${list}.`
  return { status: 405, body: { message } }
}
