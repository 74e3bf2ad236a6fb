// push_tool HOST:PORT INSTANCE SEQUENCE FILE [NAME=VALUE...]: pushes FILE as one profile with these labels, and prints
// the collector's answer, "CODE reason". Without labels FILE is the whole message, byte for byte. INSTANCE "-" leaves
// the request without a name.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <future>
#include <iterator>
#include <string>

#include "agent/export/push_verdict.h"
#include "proto/push/v1/push.pb.h"

namespace {

constexpr char kMethod[] = "/push.v1.PusherService/Push";
constexpr std::chrono::seconds kPatience{100};

std::string MessageOf(const std::string& bytes, int labels, char** label) {
  if (labels == 0) return bytes;
  push::v1::PushRequest request;
  auto* series = request.add_series();
  for (int i = 0; i < labels; ++i) {
    const std::string text = label[i];
    auto* pair = series->add_labels();
    pair->set_name(text.substr(0, text.find('=')));
    pair->set_value(text.substr(text.find('=') + 1));
  }
  series->add_samples()->set_raw_profile(bytes);
  return request.SerializeAsString();
}

grpc::Status Push(const std::string& address, const std::string& message, const std::string& instance,
                  const std::string& sequence) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  grpc::GenericStub stub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  if (instance != "-") {
    context.AddMetadata("sonde-instance", instance);
    context.AddMetadata("sonde-sequence", sequence);
  }
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> answered;
  stub.UnaryCall(&context, kMethod, grpc::StubOptions(), &request, &response,
                 [&](const grpc::Status& status) { answered.set_value(status); });
  return answered.get_future().get();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  std::ifstream file(argv[4], std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const grpc::Status status = Push(argv[1], MessageOf(bytes, argc - 5, argv + 5), argv[2], argv[3]);
  std::printf("%s %s\n", sonde::exporting::CodeName(status.error_code()).c_str(), status.error_message().c_str());
  return 0;
}
