import Glibc
import NIOCore

extension Channel {
  /// Closes a connection so that its other end sees a reset (socket(7), SO_LINGER).
  func reset() {
    triggerUserOutboundEvent(PatientClose.Abort(), promise: nil)
    guard let options = self as? any SocketOptionProvider else { return close(promise: nil) }
    options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.close(promise: nil) }
  }
}
