/// Why a certificate could not be added to a trust store.
public enum TrustStoreError: Error, Equatable, CustomStringConvertible {
  /// More bytes than ``TrustStore/mostBytes``.
  case tooLarge(bytes: Int)
  /// Not what a program of this format would read.
  case malformed(String)
  /// A format, or a part of one, that is not written here.
  case unsupported(String)
  /// The store's own digest is not the one that the password gives.
  case password

  public var description: String {
    switch self {
    case .tooLarge(let bytes): "a trust store of \(bytes) bytes is larger than \(TrustStore.mostBytes)"
    case .malformed(let what): "the trust store is damaged: \(what)"
    case .unsupported(let what): "the trust store has \(what), to which no certificate can be added"
    case .password: "the trust store has another password, or was changed after it was sealed"
    }
  }
}
