import Skipping
import Tracing

/// The first of the two stages: an Action that names nothing but the key of what was started, as inputs are not known yet. Its result's files are records.
struct KeyAction {
  static let property = "uwrx-skip-key"
  private static let folder = "records/"
  /// Records that a result names: the newest.
  private static let mostRecords = 16

  let name: ContentName
  /// What the action consists of.
  let contents: [(name: ContentName, bytes: [UInt8])]

  init(_ key: [UInt8]) {
    var platform = RemotePlatform()
    platform.properties = [
      RemotePlatform.Property.with {
        $0.name = Self.property
        $0.value = String(decoding: SHA256.text(key), as: UTF8.self)
      }
    ]
    let command = RemoteCommand.with {
      $0.arguments = ["uwrx", "records"]
      $0.platform = platform
    }.bytes
    let directory = RemoteDirectory().bytes
    let action = RemoteAction.with {
      $0.commandDigest = ContentName(of: command).message
      $0.inputRootDigest = ContentName(of: directory).message
      $0.platform = platform
    }.bytes
    name = ContentName(of: action)
    contents = [command, directory, action].map { (ContentName(of: $0), $0) }
  }

  /// The records that a result names, the newest first.
  static func records(of result: RemoteActionResult) -> [ContentName] {
    result.outputFiles.prefix(mostRecords).compactMap { file in
      ContentName(file.digest).flatMap {
        file.path == folder + $0.text && $0.size <= CacheMessage.largestRecord ? $0 : nil
      }
    }
  }

  /// - Parameter records: the newest first.
  static func result(_ records: [ContentName]) -> RemoteActionResult {
    RemoteActionResult.with {
      $0.outputFiles = records.prefix(mostRecords).map { name in
        RemoteOutputFile.with {
          $0.path = folder + name.text
          $0.digest = name.message
        }
      }
    }
  }
}
