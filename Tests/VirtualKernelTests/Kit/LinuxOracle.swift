import CLinux
import Foundation
import Glibc

@testable import VirtualKernel

/// A directory of the real kernel, to which the same calls are made as to the virtual one.
final class LinuxOracle {
  let root: String
  private(set) var directory: Int32
  private(set) var descriptors: [Int32: Int32] = [:]

  init() {
    var template = Array((FileManager.default.temporaryDirectory.path + "/uwrx-oracle-XXXXXX").utf8CString)
    root = String(cString: mkdtemp(&template)!)
    directory = Glibc.open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  }

  deinit {
    close(directory)
    for descriptor in descriptors.values { close(descriptor) }
    try? FileManager.default.removeItem(atPath: root)
  }

  /// The errno, or 0.
  private func check(_ result: Int32) -> Int32 { result < 0 ? errno : 0 }

  func changeDirectory(_ path: String) -> Int32 {
    let next = openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if next < 0 { return errno }
    close(directory)
    directory = next
    return 0
  }

  func mkdir(_ path: String, _ mode: UInt32) -> Int32 { check(mkdirat(directory, path, mode)) }
  func unlink(_ path: String, _ flags: Int32) -> Int32 { check(unlinkat(directory, path, flags)) }
  func rename(_ from: String, _ to: String, _ flags: UInt32) -> Int32 {
    Int32(-uwrx_renameat2(directory, from, directory, to, flags))
  }
  func link(_ from: String, _ to: String) -> Int32 { check(linkat(directory, from, directory, to, 0)) }
  func symlink(_ target: String, _ path: String) -> Int32 { check(symlinkat(target, directory, path)) }
  func chmod(_ path: String, _ mode: UInt32) -> Int32 { check(fchmodat(directory, path, mode, 0)) }

  func makeFIFO(_ path: String) -> Int32 { check(mknodat(directory, path, FileType.fifo | 0o644, 0)) }

  func truncate(_ path: String, _ length: Int) -> Int32 {
    let descriptor = openat(directory, path, O_WRONLY | O_CLOEXEC)
    if descriptor < 0 { return errno }
    defer { close(descriptor) }
    return check(ftruncate(descriptor, length))
  }

  /// Keeps the descriptor under the number that the guest has it by.
  func open(_ path: String, _ flags: Int32, _ mode: UInt32, as number: Int32?) -> Int32 {
    let descriptor = openat(directory, path, flags | O_CLOEXEC, mode)
    if descriptor < 0 { return errno }
    if let number { descriptors[number] = descriptor } else { close(descriptor) }
    return 0
  }

  func write(_ text: String, to number: Int32) { _ = Glibc.write(descriptors[number]!, text, text.utf8.count) }

  func status(_ number: Int32) -> stat {
    var status = stat()
    fstat(descriptors[number]!, &status)
    return status
  }

  func close(number: Int32) { if let descriptor = descriptors.removeValue(forKey: number) { close(descriptor) } }

  private func close(_ descriptor: Int32) { Glibc.close(descriptor) }

  /// On btrfs and some others, a directory has one link whatever is in it.
  var countsSubdirectories: Bool {
    var status = stat()
    lstat(root, &status)
    return status.st_nlink > 1
  }

  /// A line per file below the root: path, mode, contents, and which other name is the same file.
  func snapshot() -> [String] {
    var lines: [String] = []
    var first: [UInt64: String] = [:]
    func visit(_ path: String) {
      var status = stat()
      lstat(root + path, &status)
      let kind = status.st_mode & FileType.mask
      if kind == FileType.directory {
        lines.append("\(path) \(String(status.st_mode, radix: 8)) \(status.st_nlink)")
        for name in (try? FileManager.default.contentsOfDirectory(atPath: root + path))?.sorted() ?? [] {
          visit("\(path)/\(name)")
        }
        return
      }
      let same = first[UInt64(status.st_ino)] ?? path
      first[UInt64(status.st_ino)] = same
      var contents = ""
      if kind == FileType.symbolicLink {
        contents = (try? FileManager.default.destinationOfSymbolicLink(atPath: root + path)) ?? ""
      } else if kind == FileType.regular {
        contents = FileManager.default.contents(atPath: root + path).map { String(decoding: $0, as: UTF8.self) } ?? ""
      }
      lines.append("\(path) \(String(status.st_mode, radix: 8)) \(status.st_nlink) \(contents) = \(same)")
    }
    visit("")
    return lines
  }
}
