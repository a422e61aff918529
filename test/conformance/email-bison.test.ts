import { emailBison } from './subjects/email-bison.ts'
import { conformance } from './suite.ts'

conformance(emailBison)
