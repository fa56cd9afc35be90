/* address.c: numeric addresses of listeners. Names are refused: they would be looked up, and could mean several. */
#include "conf/setting.h"

#include <arpa/inet.h>
#include <string.h>

static bool port_is_sound(const char *port)
{
	int value = 0;
	size_t length = strlen(port);

	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (port[i] < '0' || port[i] > '9')
			return false;
		value = value * 10 + (port[i] - '0');
	}
	return value <= 65535;
}

bool address_check(const char *address, bool *loopback)
{
	const char *colon = strrchr(address, ':');
	struct in6_addr six;
	struct in_addr four;
	char host[64];
	size_t length;

	*loopback = false;
	if (!colon || !port_is_sound(colon + 1))
		return false;
	length = (size_t)(colon - address);
	if (length >= sizeof(host))
		return false;
	memcpy(host, address, length);
	host[length] = '\0';
	if (inet_pton(AF_INET, host, &four) == 1) {
		*loopback = ntohl(four.s_addr) >> 24 == 127;
		return true;
	}
	if (length < 4 || host[0] != '[' || host[length - 1] != ']')
		return false;
	host[length - 1] = '\0';
	if (inet_pton(AF_INET6, host + 1, &six) != 1)
		return false;
	*loopback = IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
	return true;
}
