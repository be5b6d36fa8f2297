/// Why a server did not do what it was asked to.
package struct CacheFailure: Error, Equatable {
  package let reason: String
  /// It will not do it the next time either: it does not know the user, or has no such service.
  package let isFinal: Bool
  /// The server is well, and so is the connection: it will not have this one thing.
  package let isOfOne: Bool

  package init(_ reason: String, isFinal: Bool = false, isOfOne: Bool = false) {
    self.reason = reason
    self.isFinal = isFinal
    self.isOfOne = isOfOne
  }
}
