/* Listening sockets, our own and those that are handed over. */
#include "daemon/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "test.h"

/* Listens as systemd would have it: nothing is set. */
static int
handed_over(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 && listen(fd, 8) == 0);
	return fd;
}

/* What the kernel would keep of answers that a client never reads. */
static int
send_buffer_of_connection(int listening, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, bytes = -1;
	socklen_t n = sizeof(bytes);

	CHECK(connect(client, (struct sockaddr *)&to, sizeof(to)) == 0);
	fd = accept(listening, NULL, NULL);
	CHECK(fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &n) == 0);
	close(fd);
	close(client);
	return bytes;
}

TEST(a_client_that_never_reads_holds_as_little_on_a_socket_that_was_handed_over)
{
	struct err e;
	int own, other = handed_over(), own_port, other_port, bytes;

	CHECK_OK(address_listen(STR("127.0.0.1:0"), &own, &own_port, &e));
	CHECK_OK(address_adopt(other, &other_port, &e));
	bytes = send_buffer_of_connection(own, own_port);
	CHECK(bytes > 0 && bytes <= 256 * 1024);
	CHECK_INT(send_buffer_of_connection(other, other_port), bytes);
	close(own);
	close(other);
}
