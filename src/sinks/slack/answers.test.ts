import { describe, expect, it } from 'vitest'
import { VendorRefusedError, VendorUnavailableError } from '../../engine/errors.ts'
import { errorOf } from './answers.ts'

describe('an answer of Slack', () => {
  it.each([
    [400, 'invalid_payload', 'message itself is kept'],
    [400, 'no_text', 'message itself is kept'],
    [400, 'too_many_attachments', 'message itself is kept'],
    [400, 'user_not_found', 'another channel'],
    [403, 'action_prohibited', 'ask them'],
    [403, 'posting_to_general_channel_denied', 'another channel'],
    [403, 'team_disabled', 'in another one'],
    [403, 'invalid_token', 'new incoming webhook'],
    [404, 'channel_not_found', 'another channel'],
    [404, 'no_service', 'new incoming webhook'],
    [404, 'no_service_id', 'new incoming webhook'],
    [404, 'no_active_hooks', 'new incoming webhook'],
    [404, 'no_team', 'check the URL'],
    [410, 'channel_is_archived', 'unarchive'],
    [418, 'something_new', 'something_new'],
  ])('%i %s is permanent, and says what to do', (status, text, remedy) => {
    const error = errorOf(status, text, null)
    expect(error).toBeInstanceOf(VendorRefusedError)
    expect(error?.message).toContain(`${status} ${text}`)
    expect(error?.message).toContain(remedy)
  })

  it.each([
    [500, 'rollup_error'],
    [502, '<html><body>Bad gateway</body></html>'],
    [503, ''],
  ])('%i %s passes', (status, text) => {
    const error = errorOf(status, text, null)
    expect(error).toBeInstanceOf(VendorUnavailableError)
    expect(error?.message).not.toContain('<')
    expect((error as VendorUnavailableError).retryAfterMs).toBeUndefined()
  })

  it.each([
    ['7', 7_000],
    ['0', 0],
    [null, 30_000],
    ['', 30_000],
    ['soon', 30_000],
    ['-1', 30_000],
    ['Infinity', 30_000],
  ])('429 with Retry-After %s passes, to come again in %i ms', (retryAfter, ms) => {
    const error = errorOf(429, 'rate_limited', retryAfter)
    expect(error).toBeInstanceOf(VendorUnavailableError)
    expect((error as VendorUnavailableError).retryAfterMs).toBe(ms)
  })

  it.each(['ok', 'ok\n', '{"ok":true}'])('200 %j is taken', (text) => {
    expect(errorOf(200, text, null)).toBeUndefined()
  })

  it.each([
    [200, '<html>Sign in</html>'],
    [200, '{"ok":false,"error":"no_service"}'],
    [204, ''],
    [302, ''],
  ])('%i %j is not Slack, whatever the status says', (status, text) => {
    expect(errorOf(status, text, null)).toBeInstanceOf(VendorRefusedError)
  })
})
