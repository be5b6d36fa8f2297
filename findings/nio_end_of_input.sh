#!/bin/sh
# swift-nio 2.101.2 (NIOPosix on Linux), channels with allowRemoteHalfClosure, three things about the end of their input:
# 1. close(mode: .output) after the input has ended closes the channel whole, and what was written and flushed but is not yet in the socket is
#    dropped. One would expect what the same call does while the input is open: the rest goes out, then the output ends.
# 2. With autoRead off and without a read() the channel reads to the end as soon as the peer has closed. One would expect to get nothing that
#    was not asked for.
# 3. What is read so and finds no handler is dropped: a handler that is added later and asks gets nothing. One would expect it to wait in the
#    socket.
# What uwrx does: the first handler of a channel writes what waits before it closes (Sources/Proxy/PatientClose.swift), and another keeps what
# comes until the others are there (Sources/Proxy/HeldInput.swift).
set -eu
version=2.101.2
command -v swift > /dev/null || { echo "there is no swift"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p Sources/trial
cat > Package.swift <<END
// swift-tools-version: 6.1
import PackageDescription
let package = Package(
  name: "trial",
  dependencies: [.package(url: "https://github.com/apple/swift-nio", exact: "$version")],
  targets: [
    .executableTarget(
      name: "trial",
      dependencies: [.product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio")])
  ])
END
cat > Sources/trial/main.swift <<'END'
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Counts what comes. Answers with so many bytes and ends its output: when its input ends, or at once if the number is negative.
final class Counter: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  let answer: Int
  let count = Mutex(0)
  init(answer: Int = 0) { self.answer = answer }

  func handlerAdded(context: ChannelHandlerContext) { if answer < 0 { end(context) } }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data).readableBytes
    count.withLock { $0 += bytes }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event, answer > 0 { end(context) }
  }

  private func end(_ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(repeating: 7, count: abs(answer))), promise: nil)
    context.close(mode: .output, promise: nil)
  }
}

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let moment: UInt32 = 300_000

/// A channel, and the socket that is its peer.
func pair(_ handler: Counter?, autoRead: Bool) throws -> (any Channel, Int32) {
  var ends: [Int32] = [0, 0]
  socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
  let channel = try ClientBootstrap(group: group)
    .channelOption(.autoRead, value: autoRead).channelOption(.allowRemoteHalfClosure, value: true)
    .withConnectedSocket(ends[0]).wait()
  if let handler { try channel.pipeline.addHandler(handler).wait() }
  return (channel, ends[1])
}

func say(_ socket: Int32, _ count: Int) {
  let bytes = [UInt8](repeating: 7, count: count)
  precondition(write(socket, bytes, count) == count)
}

func hear(_ socket: Int32) -> Int {
  usleep(moment)
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  var total = 0
  while case let count = read(socket, &buffer, buffer.count), count > 0 { total += count }
  return total
}

let size = 8 << 20
let whole = hear(try pair(Counter(answer: -size), autoRead: true).1)
print("written \(size) bytes, then the output closed: the peer has got \(whole)")

let (_, ended) = try pair(Counter(answer: size), autoRead: true)
shutdown(ended, Int32(SHUT_WR))
let part = hear(ended)
print("the same after the end of the input: the peer has got \(part)")

let counter = Counter()
let (_, unasked) = try pair(counter, autoRead: false)
say(unasked, 10_000)
usleep(moment)
let before = counter.count.withLock { $0 }
shutdown(unasked, Int32(SHUT_WR))
usleep(moment)
let after = counter.count.withLock { $0 }
print("10000 bytes that nobody asks for: read \(before) of them, and \(after) when the peer has closed")

let late = Counter()
let (channel, said) = try pair(nil, autoRead: false)
say(said, 10_000)
shutdown(said, Int32(SHUT_WR))
usleep(moment)
try channel.pipeline.addHandler(late).wait()
channel.read()
usleep(moment)
let found = late.count.withLock { $0 }
print("10000 bytes before there is a handler, which then asks: it gets \(found)")

exit(whole == size && part < size && before == 0 && after == 10_000 && found == 0 ? 0 : 1)
END
swift build > log 2>&1 || { cat log; exit 1; }
echo "swift-nio $version"
.build/debug/trial
