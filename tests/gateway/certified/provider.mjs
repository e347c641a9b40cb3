// The certified oidc-provider after the OIDC Sweden profile, for one client; its settings are the JSON of the first argument.
// Whoever signs in chooses an account. An account `fault:NAME` gets an id token that has been altered in that way and signed again.
import { once } from 'node:events';
import * as jose from 'jose';
import Provider from 'oidc-provider';

const { port, client, levels, affiliation, accounts } = JSON.parse(process.argv[2]);
const issuer = `http://localhost:${port}`;
const algorithm = client.id_token_signed_response_alg;
const pairs = await Promise.all(['RS256', 'ES256'].map((alg) => jose.generateKeyPair(alg, { extractable: true })));
const keys = await Promise.all(pairs.map(async ({ privateKey }, at) => ({ ...(await jose.exportJWK(privateKey)), kid: `key-${at}`, alg: ['RS256', 'ES256'][at], use: 'sig' })));
const stranger = await jose.generateKeyPair(algorithm);

const faults = {
  issuer: (claims) => ({ ...claims, iss: 'https://other.example.se' }),
  audience: (claims) => ({ ...claims, aud: 'another-client' }),
  nonce: (claims) => ({ ...claims, nonce: 'another' }),
  'no-nonce': ({ nonce, ...claims }) => claims,
  level: (claims) => ({ ...claims, acr: 'http://id.elegnamnden.se/loa/1.0/loa2' }),
  'no-level': ({ acr, ...claims }) => claims,
  expired: (claims) => ({ ...claims, iat: claims.iat - 7200, exp: claims.iat - 3600 }),
  'no-affiliation': ({ [affiliation]: gone, ...claims }) => claims,
  signature: (claims) => claims,
  unsigned: (claims) => claims,
};

async function altered(token, fault) {
  const claims = faults[fault](jose.decodeJwt(token));
  const header = jose.decodeProtectedHeader(token);
  if (fault === 'unsigned') return new jose.UnsecuredJWT(claims).encode();
  const own = await jose.importJWK(keys.find((key) => key.kid === header.kid), header.alg);
  return new jose.SignJWT(claims).setProtectedHeader(header).sign(fault === 'signature' ? stranger.privateKey : own);
}

const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys },
  pkce: { required: () => true },
  clientAuthMethods: ['private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['ES256'], idTokenSigningAlgValues: ['RS256', 'ES256'] },
  acrValues: levels,
  claims: { openid: ['sub', affiliation] },
  features: { claimsParameter: { enabled: true }, devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/choose/${interaction.uid}` },
  cookies: { keys: ['only-for-tests'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, [affiliation]: accounts[id] ?? `${id}@2120000449` }) }),
  async loadExistingGrant(ctx) {
    const { client: asking, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: asking.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid');
    grant.addOIDCClaims([affiliation, 'acr']);
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/choose/')) {
    if (ctx.method === 'GET') {
      const { params } = await provider.interactionDetails(ctx.req, ctx.res);
      ctx.type = 'html';
      ctx.body = `<form method="post">${Object.keys(accounts).map((id) => `<input name="sub" value="${id} (${id})">`).join('')}</form><!-- ${encodeURIComponent(params.claims)} -->`;
      return;
    }
    let body = '';
    for await (const part of ctx.req) body += part;
    const chosen = new URLSearchParams(body).get('sub').split(' ')[0];
    ctx.respond = false;
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: chosen, acr: levels[0], amr: ['mfa'] } });
    return;
  }
  await next();
  const fault = ctx.oidc?.entities?.Account?.accountId?.match(/^fault:(.*)$/)?.[1];
  if (ctx.body?.id_token && fault) ctx.body = { ...ctx.body, id_token: await altered(ctx.body.id_token, fault) };
});

const server = provider.listen(port, 'localhost');
await once(server, 'listening');
console.log('ready');
process.stdin.resume().on('end', () => process.exit(0)); // whoever started it is gone
