import Archives
import Glibc
import SystemPackage
import Tracing

/// An export to a tar archive, with the owners and modes that the guest has seen.
struct TarSink: ExportSink {
  private let path: String
  private let file: FileDescriptor
  private let writer: TarWriter

  /// - Parameter path: of a file that is not there yet; `-` is standard output.
  init(_ path: String) throws(TraceError) {
    self.path = path
    if path == "-" {
      guard isatty(1) == 0 else {
        throw TraceError(
          "an archive is nothing for a terminal: give --tar a file's name, or lead standard output elsewhere")
      }
      file = .standardOutput
    } else {
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw TraceError("cannot make \(path): \(Errno(rawValue: errno))") }
      file = FileDescriptor(rawValue: descriptor)
    }
    do throws(ArchiveError) { writer = try TarWriter(file) } catch { throw TraceError(error.description) }
  }

  func add(_ found: MergedView.Found, _ path: [UInt8], in view: MergedView, hardLink: [UInt8]?) throws(TraceError) {
    do {
      let status = found.entry.status
      let entry = TarWriter.Entry(
        path: path, mode: found.mode, uid: status.st_uid, gid: status.st_gid, modified: status.st_mtim,
        target: found.type == S_IFLNK ? try view.linkTarget(found) : nil, hardLink: hardLink,
        attributes: found.type == S_IFLNK || hardLink != nil ? [] : try view.attributes(found))
      guard found.type == S_IFREG, hardLink == nil else { return try writer.add(entry) }
      let contents = try view.open(found)
      defer { close(contents.rawValue) }
      try writer.add(entry, contents: contents)
    } catch { throw TraceError("cannot add \(Display.text(path)) to the archive: \(error)") }
  }

  func leave(_ found: MergedView.Found, _ path: [UInt8]) {}

  func finish() throws(TraceError) {
    do throws(ArchiveError) { try writer.finish() } catch { throw TraceError(error.description) }
    if path != "-" { close(file.rawValue) }
  }
}
