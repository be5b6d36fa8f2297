import Glibc
import SystemPackage
import Testing

@testable import VirtualKernel

/// A copy is begun only if there is room for all of it.
struct DiskRoomTests {
  @Test(
    arguments: [
      (100, 0, 100, true), (100, 1, 100, false), (100, 0, 101, false), (100, 200, 0, true), (100, 0, Int64.max, false),
    ] as [(Int64, Int64, Int64, Bool)])
  func copies(_ limit: Int64, _ measured: Int64, _ size: Int64, _ fits: Bool) {
    var room = DiskRoom(limit: limit, coversStore: false)
    room.didMeasure(measured)
    #expect(Self.fits(room, size, .run) == fits)
    #expect(Self.fits(room, size, .tmp))
  }

  @Test func copiesUnderWayCount() {
    var room = DiskRoom(limit: 100, coversStore: true)
    room.beginCopy(60)
    #expect(!Self.fits(room, 41, .run))
    #expect(!Self.fits(room, 41, .tmp))
    room.endCopy(60)
    #expect(Self.fits(room, 41, .run))
    room.isFull = true
    #expect(!Self.fits(room, 0, .run))
    #expect(!Self.fits(room, 0, .tmp))
  }

  private static func fits(_ room: DiskRoom, _ size: Int64, _ store: Backing) -> Bool {
    do throws(Errno) { try room.require(size, in: store) } catch {
      #expect(error == .noSpace)
      return false
    }
    return true
  }

  @Test func aLowerFileThatIsTooLargeIsNotCopied() throws {
    let machine = try Machine(
      sources: [Machine.Source { $0.file("large", String(repeating: "x", count: 5000)) }], diskLimit: 1000)
    let write = machine.call(.openat, currentDirectory, "/large", O_RDWR)
    #expect(write == .error(.noSpace))
    #expect(try machine.text("/large").count == 5000)
    #expect(machine.call(.openat, currentDirectory, "/large", O_WRONLY | O_TRUNC) != .error(.noSpace))
  }
}
