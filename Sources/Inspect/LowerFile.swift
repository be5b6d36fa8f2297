import Glibc
import Tracing

extension TraceDirectory {
  /// Where the sources and parents of a run have a path: the host's file, or the archive that holds it.
  /// - Parameter path: absolute, as the guest names it, without symbolic links on the way.
  /// - Returns: nil if none has it.
  public func fileBelow(_ path: [UInt8]) throws(TraceError) -> [UInt8]? {
    for source in try hostSources() where path.starts(with: source.destination) {
      let rest = path.dropFirst(source.destination.count)
      guard rest.isEmpty || rest.first == UInt8(ascii: "/") || source.destination.last == UInt8(ascii: "/") else {
        continue
      }
      let slash: [UInt8] = rest.isEmpty || rest.first == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
      let file = source.path + slash + rest
      if exists(file) != nil { return file }
    }
    for parent in try parents().reversed() {
      if let found = try parent.lastFile(path) { return found }
    }
    return nil
  }

  /// The last version of a path after this run, in its layer or below.
  public func lastFile(_ path: [UInt8]) throws(TraceError) -> [UInt8]? {
    let relative = Array(path.dropFirst())
    let line = try layerIndex()[relative]
    if line?.directory == LayerIndex.absent { return nil }
    let file = Array(self.path.utf8) + [UInt8(ascii: "/")] + (line?.directory ?? LayerIndex.files) + path
    guard let mode = exists(file) else { return try fileBelow(path) }
    return mode & 0o170000 == 0o020000 ? nil : file
  }

  private func hostSources() throws(TraceError) -> [(destination: [UInt8], path: [UInt8])] {
    var found: [(destination: [UInt8], path: [UInt8], priority: Int)] = []
    for fields in try fields(of: "sources") where fields.count == 4 {
      guard fields[2].starts(with: "host".utf8) || fields[2].starts(with: "public".utf8) else { continue }
      let priority = Int(String(decoding: fields[1], as: UTF8.self)) ?? 0
      found.append((fields[0], fields[3], priority))
    }
    let ordered = found.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      if a.priority != b.priority { return a.priority < b.priority }
      if a.destination.count != b.destination.count { return a.destination.count > b.destination.count }
      return left.offset < right.offset
    }
    return ordered.map { ($0.element.destination, $0.element.path) }
  }

  private func exists(_ path: [UInt8]) -> UInt32? {
    var status = stat()
    let found = (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { lstat($0.baseAddress!, &status) }
    return found == 0 ? UInt32(status.st_mode) : nil
  }
}
