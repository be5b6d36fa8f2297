import Glibc
import Synchronization

/// Bazel's HTTP cache on loopback, which may do what no server should.
public final class CacheServer: Sendable {
  public enum Fault: Sendable, Equatable {
    case none
    /// Says nothing to requests.
    case silent
    /// Gives a byte now and then.
    case dripping
    /// Gives other bytes, as many as those that it should.
    case lying
    /// Ends the connection in the middle of what it says that it gives.
    case truncating
    /// Gives the half, and says so.
    case halving
    /// Gives more and more.
    case endless
    case rubbish
    case failing
    /// Wants a header `Authorization: Bearer right`.
    case locked
    /// Ends each connection after an answer without saying so.
    case forgetful
    /// Takes nothing.
    case readOnly
  }

  public let port: Int
  private let socket: Int32
  private let state:
    Mutex<(fault: Fault, files: [String: [UInt8]], requests: [String], open: Set<Int32>, hasEnded: Bool)>
  private let left = Mutex(1)

  public init() {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var bound = sockaddr_in()
    let socket = socket
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = bind(socket, $0, length) }
    }
    listen(socket, 64)
    withUnsafeMutablePointer(to: &bound) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(socket, $0, &length) }
    }
    port = Int(UInt16(bigEndian: bound.sin_port))
    state = Mutex((.none, [:], [], [], false))
    Self.thread { [self] in
      while true {
        let connection = accept(socket, nil, nil)
        guard connection >= 0 else { break }
        state.withLock { _ = $0.open.insert(connection) }
        left.withLock { $0 += 1 }
        Self.thread { [self] in
          serve(connection)
          state.withLock { _ = $0.open.remove(connection) }
          close(connection)
          left.withLock { $0 -= 1 }
        }
      }
      left.withLock { $0 -= 1 }
    }
  }

  /// Ends all connections, and waits for their threads. Done once.
  public func end() {
    guard
      state.withLock({ state in
        defer { state.hasEnded = true }
        return !state.hasEnded
      })
    else { return }
    shutdown(socket, Int32(SHUT_RDWR))
    state.withLock { for connection in $0.open { shutdown(connection, Int32(SHUT_RDWR)) } }
    while left.withLock({ $0 }) > 0 { usleep(1000) }
    close(socket)
  }

  public var fault: Fault {
    get { state.withLock { $0.fault } }
    set { state.withLock { $0.fault = newValue } }
  }

  /// What it holds, by path.
  public var files: [String: [UInt8]] {
    get { state.withLock { $0.files } }
    set { state.withLock { $0.files = newValue } }
  }

  /// Method and path of each.
  public func takeRequests() -> [String] {
    state.withLock { state in
      defer { state.requests = [] }
      return state.requests
    }
  }

  private static func thread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      {
        Unmanaged<Box>.fromOpaque($0!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(Box(body)).toOpaque())
    pthread_detach(thread)
  }

  private func serve(_ connection: Int32) {
    var held: [UInt8] = []
    func more() -> Bool {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      let count = recv(connection, &buffer, buffer.count, 0)
      if count > 0 { held += buffer[..<count] }
      return count > 0
    }
    func say(_ bytes: [UInt8]) -> Bool {
      var done = 0
      while done < bytes.count {
        let count = bytes[done...].withUnsafeBytes { send(connection, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) }
        if count <= 0 { return false }
        done += count
      }
      return true
    }
    func answer(_ status: String, _ body: [UInt8] = [], length: Int? = nil) -> Bool {
      say(Array("HTTP/1.1 \(status)\r\nContent-Length: \(length ?? body.count)\r\n\r\n".utf8) + body)
    }
    let end = Array("\r\n\r\n".utf8)
    while true {
      var split: Int?
      while true {
        split = (0..<max(0, held.count - 3)).first { Array(held[$0..<$0 + 4]) == end }
        if split != nil || !more() { break }
      }
      guard let split else { return }
      let head = String(decoding: held[..<split], as: UTF8.self).split(separator: "\r\n").map(String.init)
      held.removeFirst(split + 4)
      let words = head.first?.split(separator: " ").map(String.init) ?? []
      guard words.count == 3 else { return }
      func header(_ name: String) -> String? {
        head.dropFirst().first { $0.lowercased().hasPrefix(name + ":") }
          .map { String($0.dropFirst(name.count + 1).drop { $0 == " " }) }
      }
      let length = header("content-length").flatMap { Int($0) } ?? 0
      while held.count < length { guard more() else { return } }
      let body = Array(held[..<length])
      held.removeFirst(length)
      let (fault, found) = state.withLock { state in
        state.requests.append("\(words[0]) \(words[1])")
        return (state.fault, state.files[words[1]])
      }
      switch fault {
      case .silent:
        while more() {}
        return
      case .rubbish:
        _ = say(Array("220 mail.example.com ESMTP\r\n".utf8))
        return
      case .failing:
        guard answer("500 Oh") else { return }
        continue
      case .locked where header("authorization") != "Bearer right":
        guard answer("401 Unauthorized") else { return }
        continue
      default: break
      }
      if words[0] == "PUT" {
        if fault == .readOnly {
          guard answer("405 Not Allowed") else { return }
          continue
        }
        state.withLock { $0.files[words[1]] = body }
        guard answer("201 Created") else { return }
      } else if let found {
        switch fault {
        case .lying: guard answer("200 OK", found.map { $0 ^ 1 }) else { return }
        case .halving: guard answer("200 OK", Array(found.prefix(found.count / 2))) else { return }
        case .truncating:
          _ = answer("200 OK", Array(found.prefix(found.count / 2)), length: found.count)
          return
        case .endless:
          guard say(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)) else { return }
          while say(Array("1000\r\n".utf8) + [UInt8](repeating: 65, count: 0x1000) + Array("\r\n".utf8)) {}
          return
        case .dripping:
          guard answer("200 OK", [], length: found.count) else { return }
          for byte in found {
            usleep(200_000)
            guard say([byte]) else { return }
          }
        default: guard answer("200 OK", found) else { return }
        }
      } else {
        guard answer("404 Not Found") else { return }
      }
      if fault == .forgetful { return }
    }
  }
}
