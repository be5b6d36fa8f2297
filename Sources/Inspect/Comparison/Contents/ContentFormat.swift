import Glibc

/// A format whose files have parts.
///
/// Whatever it is given is the work of strangers: it reads through `ByteReader`, which tells where the bytes end, and stops at what makes
/// no sense.
protocol ContentFormat {
  /// Whether it is worth a try.
  static func recognizes(_ bytes: ArraySlice<UInt8>) -> Bool
  /// Takes the contents apart.
  static func anatomy(_ bytes: ArraySlice<UInt8>, _ budget: ContentBudget) -> Anatomy
}

/// The formats that are known, the first that recognizes both contents is taken.
enum ContentFormats {
  static var all: [any ContentFormat.Type] {
    [
      ELFSections.self, ArMembers.self, GzipContents.self, PackedContents.self, ZipMembers.self, PNGChunks.self,
      TarMembers.self, PycHeader.self,
    ]
  }
}

/// What contents are made of.
struct Anatomy {
  /// A part of contents.
  struct Part {
    /// Empty for what has no name, as what a compressor has hidden.
    var name: [UInt8]
    var fields: [Field] = []
    /// What they are made from, which if it is the same makes the same of them; nil if they are at hand.
    var packed: ArraySlice<UInt8>?
    /// Called when they are needed.
    var contents: () throws(ContentLimit) -> ArraySlice<UInt8> = { () throws(ContentLimit) in [] }
    /// Whether they may be of a format themselves.
    var isFile = false
  }

  /// A value in a header.
  struct Field: Equatable {
    var name: String
    var value: [UInt8]

    init(_ name: String, _ value: [UInt8]) {
      self.name = name
      self.value = value
    }

    init(_ name: String, _ value: some StringProtocol) { self.init(name, Array(value.utf8)) }

    init(_ name: String, _ value: some BinaryInteger, radix: Int = 10) {
      let prefix = [8: "0", 16: "0x"][radix] ?? ""
      self.init(name, Array((prefix + String(value, radix: radix)).utf8))
    }

    /// - Parameter time: seconds since 1970.
    init(_ name: String, time: Int64) {
      // What nanoseconds cannot tell is told as a number.
      if (0..<18_000_000_000).contains(time) {
        self.init(name, WallClock.text(UInt64(time) * 1_000_000_000).prefix(19) + "Z")
      } else {
        self.init(name, time, radix: 10)
      }
    }
  }

  /// Of the contents themselves, and what they are called: "gzip header".
  var header = "header"
  var fields: [Field] = []
  var parts: [Part] = []
  /// Why it ends before the contents do.
  var limit: ContentLimit?
}

/// Why contents are not looked into, or not to their end.
struct ContentLimit: Error, Sendable, Equatable {
  var reason: String
  /// How many bytes were unpacked in vain.
  var spent: Int

  init(_ reason: String, spent: Int = 0) {
    self.reason = reason
    self.spent = spent
  }

  static let damaged = ContentLimit("it is damaged")
}

/// What a file may cost that is looked into.
final class ContentBudget {
  /// Bytes of a file, or of what is hidden in one.
  static let largest = 128 << 20
  /// Bytes of all that is unpacked of one file.
  private var unpacked = 512 << 20
  /// Bytes of all parts of one file, each in what holds it counted again: members may lie over each other, so that a small file has more than
  /// anybody can look at.
  private var seen = 2 << 30
  /// Parts of one.
  static let mostParts = 100_000
  /// Bytes of a name.
  static let longestName = 4096
  /// Files in files.
  static let depth = 8

  /// - Parameter unpack: gives at most so many bytes, or throws.
  func unpack(
    _ unpack: (Int) throws(ContentLimit) -> [UInt8]
  ) throws(ContentLimit) -> ArraySlice<UInt8> {
    let limit = min(Self.largest, unpacked)
    guard limit > 0 else { throw Self.tooMuch }
    do throws(ContentLimit) {
      let bytes = try unpack(limit)
      unpacked -= bytes.count
      return bytes[...]
    } catch {
      // Else a thousand damaged members would cost a thousand times as much.
      unpacked -= error.spent
      throw error
    }
  }

  /// A part is to be looked at.
  func look(atBytes count: Int) throws(ContentLimit) {
    // One that is empty costs something, too.
    seen -= max(count, 256)
    guard seen > 0 else { throw Self.tooOften }
  }

  static let tooOften = ContentLimit("its parts have more than 2048 MiB")
  static let tooLarge = ContentLimit("it is larger than \(largest >> 20) MiB")
  static let tooMuch = ContentLimit(
    "it unpacks to more than \(largest >> 20) MiB, or all of the file to more than 512", spent: largest)
  static let tooMany = ContentLimit("it has more than \(mostParts) parts")
  static let tooDeep = ContentLimit("it is \(depth) files deep")
}
