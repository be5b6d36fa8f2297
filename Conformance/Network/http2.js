// http2.js: serves the host's loopback over HTTP/2, in the clear and by TLS, there over HTTP/1.1, too, by a certificate of its own, ca.pem. Ends when
// its input does.
//
// Prints the two ports. Any request is answered by its version, method, path and the length of its body, and 100,000 bytes more if it asks for /large;
// fields after the body say how it went.
const http2 = require('http2')
const { execFileSync } = require('child_process')
const { readFileSync } = require('fs')

execFileSync('openssl', [
  'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'web.key', '-out', 'ca.pem', '-days', '30',
  '-subj', '/CN=web.test', '-addext', 'subjectAltName=DNS:web.test'], { stdio: 'ignore' })

const serve = (request, response) => {
  let length = 0
  request.on('data', part => { length += part.length })
  request.on('end', () => {
    const more = request.url === '/large' ? 'x'.repeat(100000) : ''
    response.setHeader('Trailer', 'x-status')
    response.write(`HTTP/${request.httpVersion} ${request.method} ${request.url} ${length}${more}\n`)
    response.addTrailers({ 'x-status': 'fine' })
    response.end()
  })
}
const plain = http2.createServer(serve)
const secure = http2.createSecureServer({ allowHTTP1: true, cert: readFileSync('ca.pem'), key: readFileSync('web.key') }, serve)
plain.listen(0, '127.0.0.1', () => secure.listen(0, '127.0.0.1', () => console.log(plain.address().port, secure.address().port)))
process.stdin.on('end', () => process.exit()).resume()
