// Certificates for tests, made by the openssl program: an elliptic curve, signed by itself, for 127.0.0.1.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes `directory`/cert.pem and key.pem and returns their paths, with the certificate itself as `ca`. */
export function makeCertificate(directory, commonName = 'localhost') {
  const cert = join(directory, 'cert.pem')
  const key = join(directory, 'key.pem')
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', key, '-out', cert]
    ],
    { stdio: 'pipe' }
  )
  return { cert, key, ca: readFileSync(cert) }
}
