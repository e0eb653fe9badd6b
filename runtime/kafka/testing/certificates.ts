// A certificate authority of a test's own, and a broker's certificate by it.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** PEM of the authority. */
  readonly ca: string;
  /** The settings of a broker that shows the certificate on its TLS listeners. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Made by openssl into the folder; undefined where there is none. */
export function makeCertificates(folder: string): Certificates | undefined {
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });
  try {
    openssl('version');
  } catch {
    return undefined;
  }
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '1',
    '-subj',
    '/CN=test-ca',
  );
  openssl('req', ...key, '-keyout', file('broker.key'), '-out', file('broker.csr'), '-subj', '/CN=broker');
  writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1\n');
  const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-extfile', file('names')];
  openssl('x509', '-req', '-in', file('broker.csr'), ...by, '-days', '1', '-out', file('broker.crt'));
  const store = readFileSync(file('broker.key'), 'utf8') + readFileSync(file('broker.crt'), 'utf8');
  writeFileSync(file('broker.pem'), store);
  const settings = { 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': file('broker.pem') };
  return { ca: readFileSync(file('ca.pem'), 'utf8'), settings };
}
