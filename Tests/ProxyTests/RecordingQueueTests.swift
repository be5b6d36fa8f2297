import Dispatch
import NIOCore
import NIOPosix
import RandomKit
import Synchronization
import SystemPackage
import Testing

@testable import Proxy

struct RecordingQueueTests {
  private final class Log: Sendable {
    private let lines = Mutex<[String]>([])
    let changed = DispatchSemaphore(value: 0)

    func add(_ line: String) {
      lines.withLock { $0.append(line) }
      changed.signal()
    }

    var all: [String] { lines.withLock { $0 } }

    func waitForEnd(of queue: RecordingQueue) {
      let ended = DispatchSemaphore(value: 0)
      queue.end { ended.signal() }
      ended.wait()
    }
  }

  private static func queue(_ log: Log) -> RecordingQueue {
    let queue = RecordingQueue(RecordingThreads(.singleton))
    queue.tell(RecordingQueue.Listener(hasRoom: { log.add("room") }, failed: { log.add("\($0.rawValue)") }))
    return queue
  }

  @Test func jobsAreDoneInTheirOrderBeforeTheEndIsTold() {
    let log = Log()
    let queue = Self.queue(log)
    for number in 0..<2000 {
      queue.add(1) { _ in log.add("\(number)") }
      if number % 3 == 0 { queue.start() }
    }
    log.waitForEnd(of: queue)
    #expect(log.all == (0..<2000).map(String.init))
  }

  @Test func anEmptyQueueEndsAtOnce() {
    let log = Log()
    log.waitForEnd(of: Self.queue(log))
    #expect(log.all.isEmpty)
  }

  /// Who brings more than the disk takes waits, and is told once when there is room.
  @Test func whatWaitsIsBounded() {
    let log = Log()
    let queue = Self.queue(log)
    let disk = DispatchSemaphore(value: 0)
    var count = 0
    while queue.hasRoom, count < 1000 {
      queue.add(1 << 20) { _ in disk.wait() }
      count += 1
    }
    #expect(count == 4)
    #expect(log.all.isEmpty)
    for _ in 0..<count { disk.signal() }
    log.changed.wait()
    #expect(queue.hasRoom)
    log.waitForEnd(of: queue)
    #expect(log.all == ["room"])
  }

  @Test func nothingIsWrittenAfterAFailure() {
    let log = Log()
    let queue = Self.queue(log)
    queue.add(1) { _ in log.add("first") }
    queue.add(8 << 20) { _ throws(Errno) in throw .noSpace }
    for _ in 0..<100 { queue.add(1 << 20) { _ in log.add("later") } }
    log.waitForEnd(of: queue)
    #expect(log.all == ["first", "\(Errno.noSpace.rawValue)"] && queue.failure == .noSpace && queue.hasRoom)
  }

  /// Pieces are of one size and say together what came; small parts of large buffers do not keep those.
  @Test(arguments: [UInt64(1), 2, 3]) func bodiesAreCutIntoPieces(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var (pending, pieces, said) = (RecordedPiece(), [RecordedPiece](), ByteBuffer())
    for _ in 0..<300 {
      let bytes = ByteBuffer(repeating: .random(in: 0...255, using: &random), count: 1 << 17)
      let most = [100, 1 << 14, 1 << 17].randomElement(using: &random)!
      let part = bytes.getSlice(at: 5, length: Int.random(in: 0..<most - 5, using: &random))!
      said.writeImmutableBuffer(part)
      pending.add(part) { pieces.append($0) }
    }
    #expect(pieces.count > 10 && pieces.allSatisfy { $0.count == RecordedPiece.size })
    let parts = (pieces + [pending]).flatMap(\.parts)
    #expect(parts.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) } == said)
    #expect(parts.allSatisfy { $0.readableBytes >= 1 << 14 || $0.storageCapacity < 1 << 16 })
  }

  @Test(arguments: [[1], [3, 0, 5], [70_000, 1, 200_000, 12]]) func partsAreWrittenInOneFile(_ sizes: [Int]) throws {
    let directory = ProxyHarness.Directory()
    let file = try DirectoryHandle(directory.path).createFile("file")
    let parts = sizes.enumerated().map { ByteBuffer(repeating: UInt8($0.offset), count: $0.element) }
    try file.write(parts)
    try file.write([ByteBuffer(string: "end")])
    let said = parts.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    let written = try directory.network.read("file", limit: 1 << 20)
    #expect(written == Array(said.readableBytesView) + Array("end".utf8))
  }
}
