// Tokens that another implementation (jose) signs, and a server that takes those of one signer.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { serverTest } from './weft_server.mjs'

/** Signs tokens with a key that the server is given the public half of. */
export class Signer {
  static async make(algorithm) {
    const signer = new Signer()
    signer.algorithm = algorithm
    signer.keys = await generateKeyPair(algorithm, { extractable: true })
    return signer
  }

  publicKey() {
    return exportSPKI(this.keys.publicKey)
  }

  token(subject, rooms, expires = '10m') {
    return new SignJWT({ rooms })
      .setProtectedHeader({ alg: this.algorithm })
      .setSubject(subject)
      .setExpirationTime(expires)
      .sign(this.keys.privateKey)
  }
}

/**
 * A test with a running server that takes the tokens of one signer. Beside what `serverTest` gives, the body has
 * `signer` and `revoke(line)`, which tells the server of the one line of its list of revoked tokens.
 */
export function tokenTest(name, body, { algorithm = 'EdDSA', ...setup } = {}) {
  serverTest(
    name,
    async (context) => {
      const { server, directory } = context
      const signer = await Signer.make(algorithm)
      const keyFile = join(directory, 'public.pem')
      const revokedFile = join(directory, 'revoked')
      writeFileSync(keyFile, await signer.publicKey())
      writeFileSync(revokedFile, '')
      server.flags = ['--auth', 'token', '--auth-key-file', keyFile, '--auth-revoked-file', revokedFile]
      await server.start()
      const revoke = (line) => {
        writeFileSync(revokedFile, `${line}\n`)
        process.kill(server.pid, 'SIGHUP')
      }
      await body({ ...context, signer, revoke })
    },
    { ...setup, started: false }
  )
}
