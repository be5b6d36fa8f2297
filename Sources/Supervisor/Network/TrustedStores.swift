import CLinux
import Glibc
import SystemPackage
import Tracing
import TrustStores
import VirtualKernel

/// The trust stores of a run, as the guest sees them: kept below `net/+trust` of the trace, a file each.
final class TrustedStores {
  private let directory: String
  /// Of the run's own authority, in PEM.
  private let certificate: [UInt8]
  private var count = 0
  /// How many there can be. The files are there before the guest begins: a new one could get the number of one that the guest has made and
  /// removed, and be taken for that.
  private static let most = 32
  /// Adds the certificate to the keystore at the first path, and leaves it at the second; only while the guest has not begun.
  private var keyStores: (() -> Bool)?

  /// - Parameter directory: which is made.
  init(_ directory: String, certificate: [UInt8]) throws(SupervisorError) {
    self.directory = directory
    self.certificate = certificate
    guard mkdir(directory, 0o755) == 0 else {
      throw SupervisorError("cannot make the directory \(directory): \(Errno(rawValue: uwrx_errno()))")
    }
    do throws(Errno) {
      for number in 1...Self.most {
        try TraceDirectory.write("\(directory)/\(number)", [])
        chmod("\(directory)/\(number)", 0o644)
      }
    } catch { throw SupervisorError("cannot write to \(directory): \(error)") }
  }

  /// The guest has ended.
  func finish() {
    for number in count..<Self.most { unlink("\(directory)/\(number + 1)") }
  }

  /// Whether a path's last component is one that a store can have: what each look-up asks.
  static func mayBeOne(_ path: UnsafeRawBufferPointer) -> Bool {
    switch path.last {
    // .pem, .crt, cacerts.txt, cacerts
    case UInt8(ascii: "m"): path.suffix(4).elementsEqual(".pem".utf8)
    case UInt8(ascii: "t"): path.suffix(4).elementsEqual(".crt".utf8) || path.suffix(4).elementsEqual(".txt".utf8)
    case UInt8(ascii: "s"): path.suffix(7).elementsEqual("cacerts".utf8)
    case nil: true
    default: false
    }
  }

  /// - Parameter path: the guest's.
  /// - Returns: where the store with the certificate is; nil for what is none, or has it.
  func splice(_ file: FileDescriptor, at path: [UInt8]) throws -> String? {
    var status = stat()
    guard count < Self.most, fstat(file.rawValue, &status) == 0, status.st_size <= TrustStore.mostBytes else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    bytes.removeLast(bytes.count - (try file.readFully(at: 0, into: &bytes)))
    let place = "\(directory)/\(count + 1)"
    switch TrustStore.kind(ofPath: path, contents: bytes) {
    case .pemBundle:
      let spliced = try PEMBundle.adding(certificate, to: bytes)
      if spliced == bytes { return nil }
      let file = try FileDescriptor.open(place, .writeOnly, options: .closeOnExec)
      defer { try? file.close() }
      try file.writeAll(spliced)
    case .javaKeyStore, .pkcs12:
      guard let keyStores else { return nil }
      try TraceDirectory.write("\(directory)/store", bytes)
      defer { unlink("\(directory)/store") }
      guard keyStores(), chmod("\(directory)/spliced", 0o644) == 0, rename("\(directory)/spliced", place) == 0 else {
        return nil
      }
    case nil: return nil
    }
    count += 1
    return place
  }

  /// Looks for Java's keystores where distributions have them: they are spliced by the proxy, for which nobody waits once the guest runs.
  func spliceKeyStores(of layers: [Layer], by splice: @escaping () -> Bool) {
    keyStores = splice
    for layer in layers {
      for path in TrustStorePaths.keyStorePaths {
        let components = path.split(separator: "/").map { Array($0.utf8) }
        guard components.starts(with: layer.destination) else { continue }
        let rest = components.dropFirst(layer.destination.count).joined(separator: [UInt8(ascii: "/")]) + [0]
        _ = rest.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer { try? layer.tree.entry($0.baseAddress!) }
      }
    }
    keyStores = nil
  }
}
