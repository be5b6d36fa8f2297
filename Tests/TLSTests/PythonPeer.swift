/// Peers in Python, whose `ssl` lets a program say what it sends when. They print True if all went well.
enum PythonPeer {
  /// Arguments: mode, port, version. The working directory holds ca.pem.
  static let client = """
    import random, socket, ssl, sys, threading
    mode, port, version = sys.argv[1], int(sys.argv[2]), getattr(ssl.TLSVersion, sys.argv[3])
    context = ssl.create_default_context(cafile="ca.pem")
    context.minimum_version = context.maximum_version = version
    tcp = socket.create_connection(("127.0.0.1", port))
    data = random.Random(1).randbytes(50 << 20 if mode == "echo" else 3 << 20)
    if mode == "echo":
        tls = context.wrap_socket(tcp, server_hostname="localhost")
        sender = threading.Thread(target=tls.sendall, args=(data,))
        sender.start()
        got = bytearray()
        while len(got) < len(data):
            more = tls.recv(1 << 16)
            if not more: break
            got += more
        sender.join()
        print(got == data)
        tls.close()
        sys.exit()
    # On memory BIOs: bytes go out as is said here.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    def send():
        out = outgoing.read()
        if mode == "half":
            tcp.sendall(out)
        else:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in out: tcp.send(bytes([byte]))
    def step(call, *args):
        while True:
            try:
                result = call(*args)
                send()
                return result
            except ssl.SSLWantReadError:
                send()
                more = tcp.recv(1 << 16)
                if not more: raise EOFError
                incoming.write(more)
    step(tls.do_handshake)
    if mode == "bytewise":
        step(tls.write, b"hello")
        print(step(tls.read, 5) == b"hello")
        sys.exit()
    tcp.settimeout(60)
    got = bytearray()
    def receive():
        while True:
            try: more = step(tls.read, 1 << 16)
            except ssl.SSLZeroReturnError: return
            if not more: return
            got.extend(more)
    # The output is closed while the echo is still to come.
    tls.write(data[:1 << 20])
    out = outgoing.read()
    try: tls.unwrap()
    except ssl.SSLWantReadError: pass
    out += outgoing.read()
    sender = threading.Thread(target=tcp.sendall, args=(out,))
    sender.start()
    receive()
    sender.join()
    print(got == data[:1 << 20])
    """

  /// Arguments: mode, certificate, key, version. Says `PORT n` first, and serves one connection.
  static let server = """
    import socket, ssl, sys
    mode, certificate, key, version = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    listener = socket.create_server(("127.0.0.1", 0))
    print("PORT", listener.getsockname()[1], flush=True)
    tcp, _ = listener.accept()
    try:
        tls = context.wrap_socket(tcp, server_side=True, suppress_ragged_eofs=False)
    except ssl.SSLError as error:
        print(error.reason)
        sys.exit()
    got = bytearray()
    if mode == "truncate":
        tls.sendall(b"half of it")
        tls.close()
        sys.exit()
    while True:
        more = tls.recv(1 << 16)
        if not more: break
        got += more
    # close_notify has come; the other direction is open.
    tls.sendall(got)
    tls.unwrap()
    tls.close()
    print(len(got))
    """
}
