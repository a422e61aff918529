import { LockstepError } from '../engine/errors.ts'

/** What an app's route does not do, with the status and code that say why. The message says what would help. */
export class RefusedError extends LockstepError {
  override readonly name = 'RefusedError'
  readonly status: 400 | 404 | 409 | 422
  /** One word for machines, such as `not_found`. */
  readonly code: string
  constructor(
    status: RefusedError['status'],
    code: string,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options)
    this.status = status
    this.code = code
  }
}
