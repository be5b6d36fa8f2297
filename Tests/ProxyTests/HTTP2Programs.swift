/// Servers and clients of HTTP/2 that are not ours.
enum HTTP2Programs {
  /// Node's server in the clear; it says its port in a line.
  static let server = """
    const http2 = require('http2'), crypto = require('crypto')
    const codes = []
    const server = http2.createServer()
    let count = 0
    server.on('stream', (stream, headers) => {
      const [, name, number] = headers[':path'].split('/')
      stream.on('error', () => {})
      const body = then => {
        const hash = crypto.createHash('sha256')
        let size = 0
        stream.on('data', part => { size += part.length; hash.update(part) })
        stream.on('end', () => then(size + ' ' + hash.digest('hex')))
      }
      switch (name) {
      case 'bytes':
        stream.respond({ ':status': 200, 'content-length': number, 'x-count': ++count, 'x-two': ['a=1', 'b=2'] })
        return stream.end(Buffer.alloc(+number, 'abcdefghij'))
      case 'upload': return body(text => { stream.respond({ ':status': 201, 'x-cookies': headers.cookie }); stream.end(text) })
      case 'injected': stream.respond({ ':status': 200 }); return stream.end(String(headers['x-secret']))
      case 'trailers':
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }))
        return body(text => stream.end(text))
      case 'turns':
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '7' }))
        stream.on('data', part => stream.write('<' + part + '>'))
        return stream.on('end', () => stream.end('over'))
      case 'early':
        stream.respond({ ':status': 413 })
        stream.end('too much')
        return stream.on('finish', () => stream.close(http2.constants.NGHTTP2_NO_ERROR))
      case 'hint': stream.additionalHeaders({ ':status': 103, link: '</a>' }); stream.respond({ ':status': 200 }); return stream.end()
      case 'empty': return stream.respond({ ':status': 204 }, { endStream: true })
      case 'broken': stream.respond({ ':status': 200 }); return stream.write('part', () => stream.close(+number))
      case 'reset': return stream.close(+number)
      case 'never': return stream.on('close', () => codes.push(stream.rstCode))
      case 'codes': stream.respond({ ':status': 200 }); return stream.end(codes.splice(0).join())
      case 'goaway':
        stream.respond({ ':status': 200 })
        stream.session.goaway(0)
        return stream.end('the last')
      case 'destroy': stream.respond({ ':status': 200 }); return stream.write('part', () => stream.session.destroy())
      default: stream.respond({ ':status': 404 }); stream.end()
      }
    })
    server.listen(0, '127.0.0.1', () => console.log(server.address().port))
    """

  /// Node's server of HTTP/1.1, of some of the same answers.
  static let olderServer = """
    const http = require('http'), crypto = require('crypto')
    const server = http.createServer((request, response) => {
      const [, name, number] = request.url.split('/')
      const parts = []
      request.on('data', part => parts.push(part))
      request.on('end', () => {
        if (name === 'bytes') {
          response.writeHead(200, { 'Content-Length': number })
          response.end(Buffer.alloc(+number, 'abcdefghij'))
        } else if (name === 'empty') {
          response.writeHead(204)
          response.end()
        } else {
          response.writeHead(200, name === 'trailers' ? { Trailer: 'grpc-status' } : {})
          response.write(crypto.createHash('sha256').update(Buffer.concat(parts)).digest('hex'))
          if (name === 'trailers') response.addTrailers({ 'grpc-status': '0' })
          response.end()
        }
      })
    })
    server.listen(0, '127.0.0.1', () => console.log(server.address().port))
    """

  /// Node's client: does what its arguments say on one connection, and prints what came.
  static let client = """
    const http2 = require('http2'), net = require('net'), crypto = require('crypto')
    const [port, ...steps] = process.argv.slice(1)
    const session = http2.connect('http://example.org:' + port, { createConnection: () => net.connect(port, '127.0.0.1') })
    session.on('error', error => console.log('session', error.code))
    session.on('goaway', code => console.log('goaway', code))
    session.on('close', () => console.log('closed'))
    const ask = (headers, body, act) => new Promise(resolve => {
      const stream = session.request(headers, { endStream: body === undefined })
      const hash = crypto.createHash('sha256')
      let size = 0, text = '', lines = ''
      stream.on('headers', headers => { lines += JSON.stringify(headers) + '\\n' })
      stream.on('response', headers => { lines += JSON.stringify(headers) + '\\n' })
      stream.on('trailers', headers => { lines += JSON.stringify(headers) + '\\n' })
      stream.on('data', part => { size += part.length; hash.update(part); if (size < 200) text += part })
      stream.on('error', error => { lines += error.code + '\\n' })
      stream.on('close', () => resolve(lines + size + ' ' + text + ' ' + hash.digest('hex') + ' ' + stream.rstCode))
      if (act) act(stream); else if (body !== undefined) stream.end(body)
    })
    const get = path => ask({ ':path': path })
    const post = (path, body) => ask({ ':path': path, ':method': 'POST' }, body)
    // Says each word when the one before was answered.
    const turns = words => ask({ ':path': '/turns', ':method': 'POST' }, '', stream => {
      let place = 0
      const next = () => place < words.length ? stream.write(words[place++]) : stream.end()
      stream.on('response', next)
      stream.on('data', part => { if (String(part).endsWith('>')) next() })
    })
    const doing = {
      upload: size => post('/upload', Buffer.alloc(+size, 'xyz')),
      cookies: () => ask({ ':path': '/upload', ':method': 'POST', cookie: ['c=3', 'd=4'] }, 'x'),
      trailers: () => post('/trailers', 'message'),
      head: path => ask({ ':path': path, ':method': 'HEAD' }),
      turns: words => turns(words.split(',')),
      early: () => ask({ ':path': '/early', ':method': 'POST' }, '', stream => stream.write('something')),
      never: () => ask({ ':path': '/never' }, undefined, stream => setTimeout(() => stream.close(8), 20)),
      cut: () => ask({ ':path': '/bytes/9000000' }, undefined, stream => stream.once('data', () => stream.close(8))).then(() => 'cut'),
      many: async number => (await Promise.all(Array.from({ length: +number }, (_, i) => post('/upload', 'body ' + i)))).join('\\n'),
    }
    const run = async () => {
      for (const step of steps) {
        const [name, value] = step.split('=')
        console.log(step, await (name.startsWith('/') ? get(step) : doing[name](value)))
      }
      session.close()
      setTimeout(() => process.exit(), 500).unref()
    }
    run()
    """

  static func client(_ port: Int, _ steps: [String]) -> Program { Program(["node", "-e", client, "\(port)"] + steps) }
}
