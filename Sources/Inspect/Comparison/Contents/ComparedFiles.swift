import CLinux
import Glibc
import SystemPackage
import Tracing

/// Two files of the host that runs have left. A trace may hold anything: no link is followed, and nothing that waits is opened.
enum ComparedFiles {
  private static let withoutLinks: UInt64 = 0x04  // openat2(2): RESOLVE_NO_SYMLINKS

  private static let onlyPath: Int32 = 0o10000000  // O_PATH, which is not imported

  private enum File {
    case regular(Int64)
    case link([UInt8])
  }

  /// - Parameters: absolute paths, each with its zero.
  static func findings(_ first: [UInt8], _ second: [UInt8]) -> [ContentFinding] {
    do throws(ContentLimit) {
      switch (try look(first), try look(second)) {
      case (.link(let one), .link(let other)): return [field("target", one, other)]
      case (.regular(let size), .regular(let other)):
        guard max(size, other) <= ContentBudget.largest else { throw ContentBudget.tooLarge }
        return ContentComparison(try contents(first), try contents(second)).findings
      case (.link, .regular): return [field("type", Array("link".utf8), Array("file".utf8))]
      case (.regular, .link): return [field("type", Array("file".utf8), Array("link".utf8))]
      }
    } catch { return [ContentFinding(place: [], kind: .unread(error.reason))] }
  }

  private static func field(_ name: String, _ first: [UInt8], _ second: [UInt8]) -> ContentFinding {
    ContentFinding(place: [], kind: .field(name: name, first: first, second: second))
  }

  private static func open(_ path: [UInt8], _ flags: Int32) throws(ContentLimit) -> FileDescriptor {
    let result: Int
    do throws(Errno) {
      result = try LongPath.with(path, resolve: withoutLinks) {
        uwrx_openat2($0, $1, UInt64(flags | O_NOFOLLOW | O_CLOEXEC), 0, withoutLinks)
      }
      guard result >= 0 else { throw Errno(rawValue: CInt(-result)) }
    } catch { throw ContentLimit("it cannot be opened: \(error)") }
    return FileDescriptor(rawValue: Int32(result))
  }

  private static func look(_ path: [UInt8]) throws(ContentLimit) -> File {
    let file = try open(path, onlyPath)
    defer { close(file.rawValue) }
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { throw ContentLimit("it cannot be read") }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .regular(Int64(status.st_size))
    case S_IFLNK:
      var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = target.withUnsafeMutableBytes {
        readlinkat(file.rawValue, "", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      guard count >= 0 else { throw ContentLimit("it cannot be read") }
      return .link(Array(target.prefix(count)))
    default: throw ContentLimit("it is no file")
    }
  }

  private static func contents(_ path: [UInt8]) throws(ContentLimit) -> [UInt8] {
    let file = try open(path, O_RDONLY | O_NONBLOCK)
    defer { close(file.rawValue) }
    var status = stat()
    guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw ContentLimit("it cannot be read")
    }
    guard status.st_size <= ContentBudget.largest else { throw ContentBudget.tooLarge }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    do throws(Errno) {
      let count = try file.readFully(at: 0, into: &bytes)
      bytes.removeLast(bytes.count - count)
    } catch { throw ContentLimit("it cannot be read: \(error)") }
    return bytes
  }
}
