import Glibc

/// Environment variables that look like secrets: by their names, or by their values.
///
/// What looks like one is not given to a guest unasked, and a trace never holds it.
public struct SecretVariable: Sendable {
  private let key: [UInt8]

  /// - Parameter key: for digests of values, up to 64 bytes. Nil means one that nobody knows.
  public init(key: [UInt8]? = nil) {
    self.key = key ?? (0..<32).map { _ in UInt8.random(in: .min ... .max) }
  }

  /// What a trace holds of a variable that looks like a secret: its name and a keyed digest of its value.
  public func withoutValue(_ variable: UnsafeRawBufferPointer) -> [UInt8] {
    let (name, value) = Self.parts(variable)
    let digest = SHA256.text(Array(SHA256.authenticate(value, key: key).prefix(16)))
    return Array(name) + Array("=<secret:".utf8) + digest + [UInt8(ascii: ">")]
  }

  /// `NAME=value` as a trace holds it.
  public func recorded(_ variable: String) -> String {
    var variable = variable
    return variable.withUTF8 { bytes in
      let raw = UnsafeRawBufferPointer(bytes)
      return String(decoding: Self.isSecret(raw) ? withoutValue(raw) : Array(raw), as: UTF8.self)
    }
  }

  /// Whether `NAME=value` looks like a secret. Without a value there is none.
  public static func isSecret(_ variable: UnsafeRawBufferPointer) -> Bool {
    let (name, value) = parts(variable)
    if SecretName.isPlace(name) { return false }
    return !value.isEmpty && (SecretName.matches(name) || SecretValue.matches(value))
  }

  public static func isSecret(_ variable: String) -> Bool {
    var variable = variable
    return variable.withUTF8 { isSecret(UnsafeRawBufferPointer($0)) }
  }

  private static func parts(
    _ variable: UnsafeRawBufferPointer
  ) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    let equals = variable.firstIndex(of: UInt8(ascii: "=")) ?? variable.count
    return (
      UnsafeRawBufferPointer(rebasing: variable[..<equals]),
      UnsafeRawBufferPointer(rebasing: variable[min(equals + 1, variable.count)...])
    )
  }
}
