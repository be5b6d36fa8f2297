import NIOCore
import NIOPosix
import SystemPackage

extension CacheFailure {
  /// What NIO says, in words for the user.
  init(_ error: any Error) {
    switch error {
    case let failure as CacheFailure: self = failure
    case let error as IOError: self.init(Errno(rawValue: error.errnoCode).description)
    case ChannelError.connectTimeout: self.init("it does not answer in time")
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first {
        self.init(first.error)
      } else {
        self.init("its name is not known")
      }
    default: self.init("\(error)")
    }
  }
}
