import Skipping
import SystemPackage

/// What uwrx-cache does in a process that has no network: signs records and verifies them.
package final class RecordNotary: Sendable {
  private let key: RecordKey

  package init(_ key: RecordKey) { self.key = key }

  package func serve(_ channel: CacheChannel) {
    while let message = try? channel.receive() {
      let answer: CacheMessage
      switch message {
      case .sign(let bytes): answer = key.sign(bytes).map { .signature($0) } ?? .failed("the key is a public one")
      case .verify(let bytes, let signature):
        answer = key.verify(bytes, signature: signature) ? .end : .failed("it is signed with another key")
      default: return
      }
      guard (try? channel.send(answer)) != nil else { return }
    }
  }
}
